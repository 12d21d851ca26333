#include <pybind11/pybind11.h>
#include "shapes.h"

namespace py = pybind11;

struct AnyShape : Shape {
    double area() const override { PYBIND11_OVERRIDE_PURE(double, Shape, area); }
};

PYBIND11_MODULE(pybind11_shapes, module)
{
    py::register_exception<Failure>(module, "Failure", PyExc_RuntimeError);
    py::class_<Shape, AnyShape>(module, "Shape").def(py::init<>()).def("area", &Shape::area);
    py::class_<Square, Shape>(module, "Square").def(py::init<double>()).def_readwrite("side", &Square::side);
}

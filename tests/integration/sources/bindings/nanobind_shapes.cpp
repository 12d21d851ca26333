#include <nanobind/nanobind.h>
#include <nanobind/trampoline.h>
#include "shapes.h"

namespace nb = nanobind;

struct AnyShape : Shape {
    NB_TRAMPOLINE(Shape);
    double area() const override { NB_OVERRIDE_PURE(area); }
};

NB_MODULE(nanobind_shapes, module)
{
    nb::exception<Failure>(module, "Failure", PyExc_RuntimeError);
    nb::class_<Shape, AnyShape>(module, "Shape").def(nb::init<>()).def("area", &Shape::area);
    nb::class_<Square, Shape>(module, "Square").def(nb::init<double>()).def_rw("side", &Square::side);
}

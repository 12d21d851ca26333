#include <map>
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include "shapes.h"

namespace py = pybind11;

static double total(const std::vector<const Shape *> &shapes)
{
    double sum = 0;
    for (auto shape : shapes)
        sum += shape->area();
    return sum;
}

static std::string caught(const std::function<void()> &function)
{
    try {
        function();
    } catch (py::error_already_set &error) {
        return error.matches(PyExc_KeyError) ? "KeyError" : "another";
    }
    return "nothing";
}

PYBIND11_MODULE(pybind11_users, module)
{
    module.def("total", &total);
    module.def("caught", &caught);
    module.def("make", [](double side) { return Square(side); });
    module.def("counted", [](const std::vector<std::string> &words) {
        std::map<std::string, int> found;
        for (auto &word : words)
            found[word]++;
        return found;
    });
    module.def("at", [](const std::vector<int> &values, size_t index) { return values.at(index); });
}

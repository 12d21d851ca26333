#include <nanobind/nanobind.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include "shapes.h"

namespace nb = nanobind;

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
    } catch (nb::python_error &error) {
        return error.matches(PyExc_KeyError) ? "KeyError" : "another";
    }
    return "nothing";
}

NB_MODULE(nanobind_users, module)
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

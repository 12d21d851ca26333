/* What two extension modules share: classes, and an exception that one throws and the other one knows. */
#pragma once
#include <stdexcept>
#include <string>

struct Failure : std::runtime_error {
    using runtime_error::runtime_error;
};

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

struct Square : Shape {
    explicit Square(double side) : side(side)
    {
        if (side < 0)
            throw Failure("a side of " + std::to_string((int)side));
    }
    double area() const override { return side * side; }
    double side;
};

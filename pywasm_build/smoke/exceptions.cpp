// The C++ runtime: exceptions with unwinding, strings, streams, containers, run-time type information.
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

struct Base {
    virtual ~Base() = default;
    virtual std::string name() const { return "Base"; }
};

struct Derived : Base {
    std::string name() const override { return "Derived"; }
};

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

static void fail(int depth)
{
    struct Guard {
        ~Guard() { std::cout << "unwound\n"; }
    } guard;
    if (depth == 0)
        throw Failure("failed at the bottom");
    fail(depth - 1);
}

struct Noisy {
    ~Noisy() { std::cout << "gone" << std::endl; }
};
thread_local Noisy noisy;
static const std::string constructed = "constructed before main";

int main()
{
    (void)&noisy;
    std::cout << constructed << '\n';
    std::unique_ptr<Base> object = std::make_unique<Derived>();
    const Base &known = *object;
    std::cout << object->name() << ' ' << (dynamic_cast<Derived *>(object.get()) != nullptr) << ' '
              << (typeid(known) == typeid(Derived)) << '\n';
    try {
        fail(1);
    } catch (const std::exception &error) {
        std::cout << "caught " << error.what() << '\n';
    }
    try {
        std::cout << std::vector<int>(2).at(5) << '\n';
    } catch (const std::out_of_range &) {
        std::cout << "out of range\n";
    }
    try {
        try {
            throw 42;
        } catch (...) {
            throw;
        }
    } catch (int number) {
        std::cout << "rethrown " << number << '\n';
    }
    std::map<std::string, std::function<double(double)>> table{{"half", [](double x) { return x / 2; }}};
    std::ostringstream text;
    text << table.at("half")(3.0) << ' ' << std::stod("2.25e2") << ' ' << std::to_string(7);
    std::cout << text.str() << std::endl;
}

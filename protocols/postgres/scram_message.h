#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepgate::protocols::postgres
{

/// Reads the attributes of a SCRAM message (RFC 5802, 7): "r=..,s=..,i=..". Views point into the message.
class ScramMessage
{
  public:
    explicit ScramMessage(std::string_view text) : left_{text} {}

    /// The value of the next attribute if it has this name, else nothing, and the message is spoilt.
    std::optional<std::string_view> take(char name);

    /// The name of the next attribute, 0 at the end.
    [[nodiscard]] char peek() const;

    /// Passes over attributes until one of this name or the end: extensions that need not be understood.
    void skip_until(char name);

    /// All was read.
    [[nodiscard]] bool done() const { return left_.empty(); }

  private:
    std::string_view left_;
};

/// Printable ASCII without comma, not empty (RFC 5802, 7: nonce).
[[nodiscard]] bool is_nonce(std::string_view text);

/// A number of 1 to 9 digits without sign or leading zero.
[[nodiscard]] std::optional<int> iterations_of(std::string_view text);

} // namespace stepgate::protocols::postgres

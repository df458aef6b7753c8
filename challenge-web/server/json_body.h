#pragma once

#include "challenge-web/server/message.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::server
{

/// Reads a request's JSON object, key by key; the first mistake sticks and `problem` tells it. An empty body is {}.
///     JsonBody body(request);
///     const auto user = body.text("user", 128);
///     if (auto problem = body.problem()) return *problem;
class JsonBody
{
  public:
    explicit JsonBody(const Request& request);

    /// A required string of 1 to `most` bytes.
    [[nodiscard]] std::string text(std::string_view key, std::size_t most);
    /// "" when absent.
    [[nodiscard]] std::string optional_text(std::string_view key, std::size_t most);
    /// false when absent.
    [[nodiscard]] bool flag(std::string_view key);
    /// `otherwise` when absent.
    [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most,
                                       std::int64_t otherwise);
    /// A required array of at most 100 strings of 1 to `most` bytes.
    [[nodiscard]] std::vector<std::string> texts(std::string_view key, std::size_t most);
    /// nullopt when absent.
    [[nodiscard]] std::optional<std::vector<std::string>> optional_texts(std::string_view key, std::size_t most);
    /// A required object, as JSON text for a factor.
    [[nodiscard]] std::string object(std::string_view key);

    /// The error to answer with, if anything was wrong or a key was not asked for.
    [[nodiscard]] std::optional<Response> problem() const;

  private:
    const boost::json::value* find(std::string_view key);
    void fail(std::string message);

    boost::json::object object_;
    std::vector<std::string_view> asked_; // string literals
    std::string message_;
    bool wrong_media_type_ = false;
};

} // namespace stepgate::challenge_web::server

#pragma once

#include "challenge-web/challenges/challenge.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace stepgate::proxy::session
{

/// A text without its literals, as the audit keeps those that touch labelled data or hold a password. `dialect` as a
/// challenge names it: what is a literal in one is a name in another.
[[nodiscard]] std::string redacted_text(std::string_view dialect, std::string_view sql, std::span<const std::byte> key);

/// What the audit keeps of a question's statements and parameter values; redacted if `question.sensitive`.
[[nodiscard]] challenge_web::challenges::RecordedTexts
recorded_texts(const challenge_web::challenges::Question& question, std::span<const std::byte> key);

} // namespace stepgate::proxy::session

#include "policies/rules/sql_regexes.h"

#include <re2/re2.h>
#include <re2/set.h>

namespace stepgate::policies::rules
{
namespace
{

constexpr std::int64_t memory_limit = std::int64_t{16} << 20;

re2::RE2::Options options()
{
    re2::RE2::Options result;
    result.set_log_errors(false); // errors go to the reader of the policy, with their place
    result.set_max_mem(memory_limit);
    return result;
}

} // namespace

std::shared_ptr<const re2::RE2> compile_regex(const std::string& pattern, std::string& error)
{
    auto regex = std::make_shared<const re2::RE2>(pattern, options());
    if (regex->ok())
        return regex;
    error = regex->error();
    return nullptr;
}

bool regex_matches(const re2::RE2& regex, std::string_view text)
{
    return re2::RE2::PartialMatch(re2::StringPiece{text.data(), text.size()}, regex);
}

struct SqlRegexes::Set {
    re2::RE2::Set set{options(), re2::RE2::UNANCHORED};
};

SqlRegexes::SqlRegexes() : set_(std::make_unique<Set>())
{
}
SqlRegexes::~SqlRegexes() = default;

std::optional<int> SqlRegexes::add(const std::string& pattern, std::string& error)
{
    const int index = set_->set.Add(pattern, &error);
    if (index < 0)
        return std::nullopt;
    ++count_;
    return index;
}

bool SqlRegexes::compile()
{
    return count_ == 0 || set_->set.Compile();
}

bool SqlRegexes::match(std::string_view sql, std::vector<int>& found) const
{
    found.clear();
    if (count_ == 0)
        return true;
    re2::RE2::Set::ErrorInfo info{};
    set_->set.Match(re2::StringPiece{sql.data(), sql.size()}, &found, &info);
    return info.kind == re2::RE2::Set::kNoError;
}

} // namespace stepgate::policies::rules

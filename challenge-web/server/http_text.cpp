#include "challenge-web/server/http_text.h"

#include <algorithm>

namespace stepgate::challenge_web::server
{

namespace
{

constexpr std::size_t most_parameters = 32;

std::optional<unsigned> hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return static_cast<unsigned>(c - 'A') + 10;
    return std::nullopt;
}

bool is_control(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

bool parse_segments(std::string_view path, std::vector<std::string>& segments)
{
    path.remove_prefix(1);
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        auto segment = percent_decode(path.substr(0, end), false);
        if (!segment || segment->empty() || *segment == "." || *segment == "..")
            return false;
        segments.push_back(std::move(*segment));
        if (end == path.size())
            return true;
        path.remove_prefix(end + 1);
        if (path.empty())
            return false; // a slash at the end names something else than the same path without it
    }
    return true;
}

bool parse_query(std::string_view query, std::vector<std::pair<std::string, std::string>>& parameters)
{
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        const auto equals = std::min(pair.find('='), pair.size());
        auto name = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
        if (!name || !value || parameters.size() == most_parameters)
            return false;
        const auto same_name = [&](const auto& other) { return other.first == *name; };
        if (std::any_of(parameters.begin(), parameters.end(), same_name))
            return false;
        parameters.emplace_back(std::move(*name), std::move(*value));
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return true;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            if (text.size() - i < 3)
                return std::nullopt;
            const auto high = hex_digit(text[i + 1]);
            const auto low = hex_digit(text[i + 2]);
            if (!high || !low)
                return std::nullopt;
            c = static_cast<char>(*high * 16 + *low);
            i += 2;
        }
        if (is_control(c))
            return std::nullopt;
        out.push_back(c);
    }
    return out;
}

std::optional<Target> parse_target(std::string_view target)
{
    if (target.empty() || target.front() != '/')
        return std::nullopt;
    Target parsed;
    const auto mark = std::min(target.find('?'), target.size());
    const auto path = target.substr(0, mark);
    if (!parse_segments(path, parsed.segments))
        return std::nullopt;
    parsed.path = std::string{path};
    if (mark < target.size() && !parse_query(target.substr(mark + 1), parsed.query))
        return std::nullopt;
    return parsed;
}

std::optional<std::string> find_cookie(std::string_view header, std::string_view name)
{
    std::optional<std::string> found;
    while (!header.empty()) {
        const auto end = std::min(header.find(';'), header.size());
        auto pair = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        while (!pair.empty() && pair.front() == ' ')
            pair.remove_prefix(1);
        while (!pair.empty() && pair.back() == ' ')
            pair.remove_suffix(1);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || pair.substr(0, equals) != name)
            continue;
        if (found)
            return std::nullopt;
        found = std::string{pair.substr(equals + 1)};
    }
    return found;
}

} // namespace stepgate::challenge_web::server

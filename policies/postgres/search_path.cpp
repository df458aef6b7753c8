#include "policies/postgres/session_state.h"

#include <cctype>

namespace stepgate::policies::postgres
{

std::vector<std::string> split_search_path(std::string_view text)
{
    std::vector<std::string> path;
    std::string item;
    bool quoted = false;
    bool any = false;
    const auto finish = [&] {
        if (any)
            path.push_back(item);
        item.clear();
        any = false;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            if (quoted && i + 1 < text.size() && text[i + 1] == '"')
                item += text[++i];
            else
                quoted = !quoted;
            any = true;
        } else if (quoted) {
            item += c;
        } else if (c == ',') {
            finish();
        } else if (std::isspace(static_cast<unsigned char>(c)) == 0) {
            item += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
            any = true;
        }
    }
    finish();
    return path;
}

} // namespace stepgate::policies::postgres

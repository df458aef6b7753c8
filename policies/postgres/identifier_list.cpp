#include "policies/postgres/identifier_list.h"

#include "policies/statement/ascii.h"

namespace stepgate::policies::postgres
{
namespace
{

constexpr std::size_t longest_name = 63;

bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

class ListReader
{
  public:
    ListReader(std::string_view text, char separator) : text_(text), separator_(separator) {}

    std::optional<std::vector<std::string>> read()
    {
        std::vector<std::string> names;
        skip_space();
        if (text_.empty())
            return names;
        while (true) {
            std::string name;
            if (!(text_.starts_with('"') ? quoted(name) : plain(name)))
                return std::nullopt;
            names.emplace_back(cut_name(name));
            skip_space();
            if (text_.empty())
                return names;
            if (take() != separator_)
                return std::nullopt;
            skip_space();
        }
    }

  private:
    char take()
    {
        const char c = text_.front();
        text_.remove_prefix(1);
        return c;
    }

    void skip_space()
    {
        while (!text_.empty() && is_gap(text_.front()))
            take();
    }

    bool quoted(std::string& name)
    {
        take();
        while (!text_.empty()) {
            const char c = take();
            if (c == '"' && !text_.starts_with('"'))
                return true;
            if (c == '"')
                take();
            name += c;
        }
        return false;
    }

    /// Up to the separator or white space: a quote inside is part of the name.
    bool plain(std::string& name)
    {
        while (!text_.empty() && text_.front() != separator_ && !is_gap(text_.front()))
            name += lower(take());
        return !name.empty();
    }

    std::string_view text_;
    char separator_;
};

} // namespace

std::string_view cut_name(std::string_view name)
{
    if (name.size() <= longest_name)
        return name;
    std::size_t end = longest_name;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0U) == 0x80U)
        --end;
    return name.substr(0, end);
}

std::string quoted_name(std::string_view name)
{
    std::string out{'"'};
    for (const char c : name)
        out.append(c == '"' ? 2 : 1, c);
    return out + '"';
}

std::optional<std::vector<std::string>> identifier_list(std::string_view text, char separator)
{
    return ListReader{text, separator}.read();
}

} // namespace stepgate::policies::postgres

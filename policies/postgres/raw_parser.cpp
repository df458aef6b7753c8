#include "policies/postgres/raw_parser.h"

#include "policies/postgres/parse_tree.h"
#include "policies/postgres/tokenizer.h"

#include <algorithm>
#include <string>
#include <utility>

extern "C" {
#include <pg_query.h>

// Exported by the library, missing from its header (src/pg_query_internal.h of libpg_query 15).
typedef struct {
    List* tree;
    char* stderr_buffer;
    PgQueryError* error;
} PgQueryInternalParsetreeAndError;
PgQueryInternalParsetreeAndError pg_query_raw_parse(const char* input);
MemoryContext pg_query_enter_memory_context(void);
void pg_query_exit_memory_context(MemoryContext context);
void pg_query_free_error(PgQueryError* error);
extern __thread bool standard_conforming_strings; // the scanner's setting, one a thread
}

namespace stepgate::policies::postgres
{

namespace
{

/// The text with blanks for comments, each byte where it was; "" if it has none, or cannot be cut into words.
std::string without_comments(std::string_view sql, bool backslashes)
{
    if (sql.find("/*") == std::string_view::npos && sql.find("--") == std::string_view::npos)
        return {};
    std::string out(sql.size(), ' ');
    Tokenizer tokens{sql, backslashes};
    for (Token token; tokens.next(token);)
        std::ranges::copy(sql.substr(token.begin, token.end - token.begin),
                          out.begin() + static_cast<std::ptrdiff_t>(token.begin));
    return tokens.sound() ? out : std::string{};
}

} // namespace

RawParse::RawParse(std::string_view sql, bool standard_conforming) : text_(sql)
{
    context_ = pg_query_enter_memory_context();
    const auto parse = [&] {
        standard_conforming_strings = standard_conforming;
        const PgQueryInternalParsetreeAndError made = pg_query_raw_parse(text_.c_str());
        standard_conforming_strings = true;
        std::free(made.stderr_buffer);
        return made;
    };
    PgQueryInternalParsetreeAndError result = parse();
    // Unlike the server, libpg_query takes a comment inside NOT IN or WITH ORDINALITY for an error.
    if (result.error != nullptr) {
        if (std::string plain = without_comments(text_, !standard_conforming); !plain.empty()) {
            pg_query_free_error(result.error);
            text_ = std::move(plain);
            result = parse();
        }
    }
    if (result.error == nullptr) {
        tree_ = result.tree;
        return;
    }
    error_ = result.error->message == nullptr ? "not accepted" : result.error->message;
    error_.erase(std::min(error_.find(" at or near "), error_.size())); // what follows may be part of a literal
    if (result.error->cursorpos > 0)
        error_ += ", at character " + std::to_string(result.error->cursorpos);
    pg_query_free_error(result.error);
}

RawParse::~RawParse()
{
    pg_query_exit_memory_context(static_cast<MemoryContext>(context_));
}

} // namespace stepgate::policies::postgres

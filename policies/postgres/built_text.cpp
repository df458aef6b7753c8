#include "policies/postgres/built_text.h"

#include "policies/postgres/parse_tree.h"
#include "policies/postgres/raw_parser.h"
#include "policies/postgres/tokenizer.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

using catalog::Catalog;
using catalog::Function;
using Part = BuiltText::Part;
using Quoting = Part::Quoting;

constexpr std::size_t most_parts = 100;

/// Its value as text is what the caller wrote: no other type's input function changes it.
bool is_text(const Catalog& catalog, catalog::Oid oid)
{
    const catalog::Type* const type = catalog.type(oid);
    return type != nullptr && type->schema == "pg_catalog" && (type->name == "text" || type->name == "varchar");
}

/// $1 is the first input. Outputs are numbered along, but those of RETURNS TABLE, which stand behind all inputs.
bool inputs_come_first(const Function& function)
{
    return function.argument_names.size() <= function.argument_types.size() ||
           (function.default_expressions.empty() && function.definition.find("\n RETURNS TABLE(") != std::string::npos);
}

class BuiltTextReader
{
  public:
    BuiltTextReader(const Function& function, const Catalog& catalog) : function_(function), catalog_(catalog) {}

    bool read(const ::Node* node);
    [[nodiscard]] std::vector<Part> take() { return std::move(parts_); }

  private:
    bool call(const ::FuncCall& called);
    bool format(std::string_view pattern, std::span<const ::ListCell> values);
    bool argument(const ::Node* node, Quoting quoting);
    std::optional<std::size_t> place(const ::Node* node) const;
    bool constant(std::string_view text)
    {
        parts_.push_back({Quoting::none, std::string{text}, {}});
        return parts_.size() <= most_parts;
    }

    const Function& function_;
    const Catalog& catalog_;
    std::vector<Part> parts_;
};

const char* string_of(const ::Node* node)
{
    return literal_of(if_tag<::A_Const>(node, T_A_Const));
}

std::optional<std::size_t> BuiltTextReader::place(const ::Node* node) const
{
    const auto known = [this](std::size_t at) {
        return at < function_.argument_types.size() && is_text(catalog_, function_.argument_types[at])
                   ? std::optional{at}
                   : std::nullopt;
    };
    if (const auto* numbered = if_tag<::ParamRef>(node, T_ParamRef))
        return numbered->number > 0 ? known(static_cast<std::size_t>(numbered->number) - 1) : std::nullopt;
    const auto* named = if_tag<::ColumnRef>(node, T_ColumnRef);
    const auto fields = cells(named == nullptr ? nullptr : named->fields);
    if (fields.empty() || fields.size() > 2 || tag_of(node_of(fields.back())) != T_String)
        return std::nullopt;
    if (fields.size() == 2 && text_of(node_of(fields.front())) != function_.name)
        return std::nullopt;
    const auto& names = function_.argument_names;
    const auto found = std::ranges::find(names, text_of(node_of(fields.back())));
    return found == names.end() ? std::nullopt : known(static_cast<std::size_t>(found - names.begin()));
}

bool BuiltTextReader::argument(const ::Node* node, Quoting quoting)
{
    const std::optional<std::size_t> at = place(node);
    if (!at)
        return false;
    parts_.push_back({quoting, {}, at});
    return parts_.size() <= most_parts;
}

/// format() with %s, %I, %L and %% only, each for the next value.
bool BuiltTextReader::format(std::string_view pattern, std::span<const ::ListCell> values)
{
    std::size_t next = 0;
    while (!pattern.empty()) {
        const std::size_t percent = std::min(pattern.find('%'), pattern.size());
        if (!constant(pattern.substr(0, percent)))
            return false;
        if (percent == pattern.size())
            return true;
        const char what = percent + 1 < pattern.size() ? pattern[percent + 1] : '\0';
        pattern.remove_prefix(std::min(percent + 2, pattern.size()));
        if (what == '%') {
            constant("%");
            continue;
        }
        const Quoting quoting = what == 'I' ? Quoting::name : what == 'L' ? Quoting::literal : Quoting::none;
        if ((what != 's' && what != 'I' && what != 'L') || next >= values.size())
            return false;
        const ::Node* const value = node_of(values[next++]);
        const char* const text = quoting == Quoting::none ? string_of(value) : nullptr;
        if (text != nullptr ? !constant(text) : !argument(value, quoting))
            return false;
    }
    return true;
}

bool BuiltTextReader::call(const ::FuncCall& called)
{
    const auto names = cells(called.funcname);
    const std::string_view name = names.empty() ? std::string_view{} : text_of(node_of(names.back()));
    const bool system = names.size() == 2 && text_of(node_of(names.front())) == "pg_catalog";
    if ((names.size() != 1 && !system) || (!system && catalog_.names_function(name)) || called.func_variadic ||
        called.over != nullptr || called.agg_filter != nullptr)
        return false;
    const auto values = cells(called.args);
    if (values.empty())
        return false;
    if (name == "quote_ident" || name == "quote_literal")
        return values.size() == 1 &&
               argument(node_of(values.front()), name == "quote_ident" ? Quoting::name : Quoting::literal);
    const char* const pattern = name == "format" ? string_of(node_of(values.front())) : nullptr;
    return pattern != nullptr && format(pattern, values.subspan(1));
}

bool BuiltTextReader::read(const ::Node* node)
{
    if (const char* text = string_of(node))
        return constant(text);
    if (const auto* called = if_tag<::FuncCall>(node, T_FuncCall))
        return call(*called);
    const auto* joined = if_tag<::A_Expr>(node, T_A_Expr);
    if (joined == nullptr)
        return argument(node, Quoting::none);
    const auto name = cells(joined->name);
    if (joined->kind != AEXPR_OP || name.size() != 1 || text_of(node_of(name.front())) != "||" ||
        !catalog_.operators("||").empty() || joined->lexpr == nullptr)
        return false;
    // 'a' || b || 'c' is ('a' || b) || 'c': as deep on the left as it is long. Parts are counted on the way down.
    std::vector<const ::Node*> right;
    const ::Node* left = node;
    while (const auto* chain = if_tag<::A_Expr>(left, T_A_Expr)) {
        const auto operation = cells(chain->name);
        if (chain->kind != AEXPR_OP || operation.size() != 1 || text_of(node_of(operation.front())) != "||" ||
            right.size() > most_parts || tag_of(chain->rexpr) == T_A_Expr || chain->lexpr == nullptr)
            return false;
        right.push_back(chain->rexpr);
        left = chain->lexpr;
    }
    return read(left) && std::all_of(right.rbegin(), right.rend(), [this](const ::Node* part) { return read(part); });
}

/// How often a text names an argument, by its name or number.
std::optional<std::size_t> mentions(std::string_view text, std::string_view name, std::size_t number)
{
    const std::string dollar = std::string{"$"}.append(std::to_string(number));
    std::size_t count = 0;
    Tokenizer tokens{text, false};
    for (Token token; tokens.next(token);) {
        const std::string_view word = text.substr(token.begin, token.end - token.begin);
        if (token.kind == TokenKind::unicode_name)
            return std::nullopt;
        const bool named = !name.empty() && (token.kind == TokenKind::word || token.kind == TokenKind::quoted_name);
        const std::string_view bare = token.kind == TokenKind::quoted_name ? word.substr(1, word.size() - 2) : word;
        count += (named && same_word(bare, name)) || (token.kind == TokenKind::parameter && word == dollar) ? 1U : 0U;
    }
    return tokens.sound() ? std::optional{count} : std::nullopt;
}

/// The body does nothing with the argument but to put it into what EXECUTE gets.
bool only_executed(const Function& function, std::size_t at, std::string_view body,
                   const std::vector<std::string_view>& all_executed)
{
    const std::string_view name =
        at < function.argument_names.size() ? std::string_view{function.argument_names[at]} : std::string_view{};
    const auto everywhere = mentions(body, name, at + 1);
    std::size_t executed = 0;
    for (const std::string_view text : all_executed)
        executed += mentions(text, name, at + 1).value_or(0);
    return everywhere && *everywhere == executed;
}

std::string quoted(std::string_view text, char quote)
{
    std::string out(1, quote);
    for (const char c : text)
        out.append(c == quote ? 2U : 1U, c);
    return out + quote;
}

} // namespace

std::optional<BuiltText> built_text(std::string_view expression, const std::vector<std::string_view>& all_executed,
                                    std::string_view body, const Function& function, const Catalog& catalog)
{
    if (!inputs_come_first(function))
        return std::nullopt;
    const RawParse parse{"select " + std::string{expression}, true};
    const auto statements = cells(parse.statements());
    if (!parse.good() || statements.size() != 1)
        return std::nullopt;
    const auto* select = if_tag<::SelectStmt>(as<::RawStmt>(node_of(statements.front())).stmt, T_SelectStmt);
    const auto targets = cells(select == nullptr ? nullptr : select->targetList);
    if (targets.size() != 1 || select->fromClause != nullptr || select->whereClause != nullptr ||
        select->op != SETOP_NONE)
        return std::nullopt;
    BuiltTextReader reader{function, catalog};
    if (!reader.read(as<::ResTarget>(node_of(targets.front())).val))
        return std::nullopt;
    BuiltText built;
    built.parts = reader.take();
    built.function = &function;
    const auto safe = [&](const Part& part) {
        return !part.argument || only_executed(function, *part.argument, body, all_executed);
    };
    return std::ranges::all_of(built.parts, safe) ? std::optional{std::move(built)} : std::nullopt;
}

std::optional<std::string> fill_in(const BuiltText& built, const Constants& arguments)
{
    std::string text;
    for (const Part& part : built.parts) {
        if (!part.argument) {
            text += part.text;
            continue;
        }
        if (*part.argument >= arguments.size() || !arguments[*part.argument])
            return std::nullopt;
        const std::string& value = *arguments[*part.argument];
        if (part.quoting == Quoting::literal && value.find('\\') != std::string::npos)
            return std::nullopt; // what it means hangs on standard_conforming_strings
        text += part.quoting == Quoting::none ? value : quoted(value, part.quoting == Quoting::name ? '"' : '\'');
    }
    return text;
}

} // namespace stepgate::policies::postgres

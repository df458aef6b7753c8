#include "proxy/app/explain_json.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

namespace json = boost::json;
using policies::statement::StatementFacts;
using policies::statement::TableAccess;

std::string_view view(json::string_view text)
{
    return {text.data(), text.size()};
}

/// JSON is UTF-8: bytes of names and reasons that are not must not break the line.
json::string text(std::string_view bytes)
{
    const auto high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
    json::string result{bytes.data(), bytes.size()};
    if (std::ranges::none_of(bytes, high))
        return result;
    boost::system::error_code error;
    const json::value parsed = json::parse(json::serialize(result), error);
    if (!error)
        return result;
    std::ranges::replace_if(result, high, '?');
    return result;
}

json::array texts(const std::vector<std::string>& list)
{
    json::array array;
    for (const auto& element : list)
        array.emplace_back(text(element));
    return array;
}

json::array accesses(const std::vector<TableAccess>& list)
{
    json::array array;
    for (const auto& access : list) {
        json::object object;
        object["table"] = text(access.table);
        object["columns"] = texts(access.columns);
        array.emplace_back(std::move(object));
    }
    return array;
}

json::object statement(const StatementFacts& facts)
{
    json::object object;
    object["kind"] = text(policies::statement::to_string(facts.kind));
    object["reads"] = accesses(facts.reads);
    object["writes"] = accesses(facts.writes);
    object["calls"] = texts(facts.calls);
    object["where"] = text(policies::statement::to_string(facts.where));
    object["destructive"] = facts.destructive;
    if (facts.cascade)
        object["cascade"] = true;
    if (facts.temporary)
        object["temporary"] = true;
    return object;
}

std::optional<std::string> decode_base64(std::string_view encoded)
{
    if (encoded.size() % 4 != 0)
        return std::nullopt;
    std::string decoded(encoded.size() / 4 * 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                        reinterpret_cast<const unsigned char*>(encoded.data()), static_cast<int>(encoded.size()));
    if (size < 0 || static_cast<std::size_t>(size) != decoded.size())
        return std::nullopt;
    const auto padding = encoded.ends_with("==") ? 2U : encoded.ends_with('=') ? 1U : 0U;
    decoded.resize(decoded.size() - padding); // the decoder counts padding as zero bytes
    return decoded;
}

/// Typed access to the members of a request; the first wrong one is remembered.
class Members
{
  public:
    Members(const json::object& object, std::string& error) : object_(object), error_(error) {}

    [[nodiscard]] const json::value* find(std::string_view key) const
    {
        const auto* value = object_.if_contains({key.data(), key.size()});
        return value == nullptr || value->is_null() ? nullptr : value;
    }

    void read(std::string_view key, std::string& target)
    {
        const auto* value = find(key);
        if (value == nullptr)
            return;
        if (value->is_string())
            target = view(value->get_string());
        else
            fail(key, "a string");
    }

    [[nodiscard]] std::optional<std::string> read_optional(std::string_view key)
    {
        if (find(key) == nullptr)
            return std::nullopt;
        std::string text;
        read(key, text);
        return text;
    }

    [[nodiscard]] std::optional<std::vector<std::string>> read_list(std::string_view key)
    {
        const auto* value = find(key);
        if (value == nullptr)
            return std::nullopt;
        std::vector<std::string> list;
        const bool strings = value->is_array() && std::ranges::all_of(value->get_array(), [&](const json::value& item) {
                                 if (item.is_string())
                                     list.emplace_back(view(item.get_string()));
                                 return item.is_string();
                             });
        if (!strings)
            fail(key, "an array of strings");
        return list;
    }

    void fail(std::string_view key, std::string_view expected)
    {
        if (error_.empty())
            error_ = "\"" + std::string{key} + "\" must be " + std::string{expected};
    }

  private:
    const json::object& object_;
    std::string& error_;
};

void read_sql(Members& members, ExplainRequest& request, std::string& error)
{
    const bool plain = members.find("sql") != nullptr, encoded = members.find("sql_base64") != nullptr;
    if (plain == encoded) {
        error = plain ? "give \"sql\" or \"sql_base64\", not both" : "there is no \"sql\"";
        return;
    }
    members.read(plain ? "sql" : "sql_base64", request.sql);
    if (!encoded || !error.empty())
        return;
    if (auto decoded = decode_base64(request.sql))
        request.sql = std::move(*decoded);
    else
        error = "\"sql_base64\" is not base64";
}

} // namespace

json::object to_json(const policies::statement::Facts& facts)
{
    json::object object;
    object["parsed"] = facts.parsed;
    object["opaque"] = facts.opaque;
    object["opaque_reasons"] = texts(facts.opaque_reasons);
    json::array statements;
    for (const auto& each : facts.statements)
        statements.emplace_back(statement(each));
    object["statements"] = std::move(statements);
    return object;
}

json::object to_json(const policies::rules::Verdict& verdict)
{
    json::object object;
    object["action"] = text(policies::rules::to_string(verdict.action));
    object["level"] = verdict.requirement.level;
    object["rules"] = texts(verdict.rules);
    object["labels"] = texts(verdict.labels);
    if (const auto& escalate = verdict.requirement.escalate)
        object["escalate"] = json::object{{"after", escalate->after.count()}, {"group", escalate->group}};
    return object;
}

ExplainRequest parse_explain_request(std::string_view line, std::string& error)
{
    ExplainRequest request;
    boost::system::error_code problem;
    const json::value value = json::parse({line.data(), line.size()}, problem);
    if (problem || !value.is_object()) {
        error = problem ? "not JSON: " + problem.message() : "not a JSON object";
        return request;
    }
    const json::object& object = value.get_object();
    if (const auto* id = object.if_contains("id"))
        request.id = *id;
    Members members{object, error};
    members.read("dialect", request.dialect);
    members.read("user", request.user);
    members.read("database", request.database);
    members.read("client_address", request.client_address);
    members.read("application_name", request.application_name);
    members.read("catalog", request.catalog);
    request.groups = members.read_list("groups").value_or(std::vector<std::string>{});
    std::ranges::sort(request.groups);
    request.sql_mode = members.read_optional("sql_mode");
    request.server_version = members.read_optional("server_version");
    request.search_path = members.read_list("search_path");
    if (const auto* session = members.find("session"))
        request.session = json::serialize(*session);
    if (error.empty())
        read_sql(members, request, error);
    return request;
}

} // namespace stepgate::proxy::app

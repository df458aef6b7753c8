#include "proxy/upstream/postgres_impact.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>

namespace stepgate::proxy::upstream
{

namespace
{

namespace json = boost::json;

constexpr int deepest = 200;

const json::array& plans_of(const json::object& node)
{
    static const json::array none;
    const auto* plans = node.if_contains("Plans");
    return plans != nullptr && plans->is_array() ? plans->get_array() : none;
}

std::int64_t rows_of(const json::object& node)
{
    const auto* rows = node.if_contains("Plan Rows");
    if (rows == nullptr)
        return 0;
    boost::system::error_code failed;
    return std::max<std::int64_t>(rows->to_number<std::int64_t>(failed), 0);
}

std::string text_of(const json::object& node, const char* key)
{
    const auto* text = node.if_contains(key);
    return text != nullptr && text->is_string() ? std::string{text->get_string()} : std::string{};
}

/// Conditions of every kind ("Filter", "Index Cond", "Join Filter", ..), and what makes one row of several.
bool selects(const json::object& node)
{
    const auto type = text_of(node, "Node Type");
    return type == "Unique" || type == "SetOp" || std::ranges::any_of(node, [](const auto& member) {
               const std::string_view key{member.key().data(), member.key().size()};
               return key.ends_with("Cond") || key.ends_with("Filter") || key == "Group Key";
           });
}

void look(const json::object& node, PlanSummary& plan, int depth)
{
    plan.selects = plan.selects || selects(node) || depth == deepest;
    if (auto table = text_of(node, "Relation Name"); !table.empty()) {
        const auto schema = text_of(node, "Schema");
        plan.tables.push_back(schema.empty() ? table : schema + "." + table);
    }
    for (const auto& below : plans_of(node))
        if (below.is_object() && depth < deepest)
            look(below.get_object(), plan, depth + 1);
}

/// A node that changes rows says 0 for itself (nothing is returned): what it is fed is what it changes.
std::int64_t expected_rows(const json::object& node)
{
    if (text_of(node, "Node Type") != "ModifyTable")
        return rows_of(node);
    std::int64_t rows = 0;
    for (const auto& plan : plans_of(node))
        if (plan.is_object() && text_of(plan.get_object(), "Parent Relationship") != "InitPlan")
            rows += rows_of(plan.get_object());
    return rows;
}

} // namespace

bool read_plan(std::string_view text, PlanSummary& plan)
{
    boost::system::error_code failed;
    json::parse_options options;
    options.max_depth = 4 * deepest;
    const auto parsed = json::parse(json::string_view{text.data(), text.size()}, failed, {}, options);
    if (failed || !parsed.is_array() || parsed.get_array().empty() || !parsed.get_array().front().is_object())
        return false;
    const auto* top = parsed.get_array().front().get_object().if_contains("Plan");
    if (top == nullptr || !top->is_object())
        return false;
    plan.rows = expected_rows(top->get_object());
    look(top->get_object(), plan, 0);
    std::ranges::sort(plan.tables);
    plan.tables.erase(std::unique(plan.tables.begin(), plan.tables.end()), plan.tables.end());
    return true;
}

} // namespace stepgate::proxy::upstream

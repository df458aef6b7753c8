#include "proxy/upstream/impact_maker.h"

#include <algorithm>
#include <chrono>

namespace stepgate::proxy::upstream
{

namespace
{

constexpr std::size_t most_statements = 20;
constexpr auto patience = std::chrono::seconds{5}; // for all of them

} // namespace

ImpactEstimate ImpactMaker::make()
{
    if (failed("stepgate could not connect to the server: "))
        return std::move(out_);
    if (request_.process != 0)
        locks(request_.process);
    if (!begin())
        return std::move(out_);
    const auto latest = std::chrono::steady_clock::now() + patience;
    for (std::size_t i = 0; i < std::min(request_.statements.size(), most_statements) && alive(); ++i) {
        if (std::chrono::steady_clock::now() > latest) {
            problem("The server took too long.");
            break;
        }
        statement(request_.statements[i]);
    }
    if (request_.statements.size() > most_statements)
        problem("Only the first " + std::to_string(most_statements) + " statements were looked at.");
    if (!alive())
        problem("The connection to the server was lost.");
    return std::move(out_);
}

void ImpactMaker::statement(const ImpactStatement& statement)
{
    for (const auto& table : statement.deletes)
        cascades(table);
    for (const auto& table : statement.empties)
        size(table);
    if (!statement.empties.empty())
        return;
    if (statement.why_not.empty())
        plan(statement);
    else
        problem(statement.why_not);
}

void ImpactMaker::problem(std::string text)
{
    if (out_.problem.empty())
        out_.problem = std::move(text);
}

bool ImpactMaker::failed(const char* what)
{
    const auto error = take_error();
    if (error.empty())
        return false;
    problem(what + error);
    return true;
}

void ImpactMaker::add_rows(std::int64_t rows)
{
    out_.rows = out_.rows.value_or(0) + rows;
}

void ImpactMaker::add(std::vector<std::string>& to, std::string text)
{
    if (std::ranges::find(to, text) == to.end())
        to.push_back(std::move(text));
}

void ImpactMaker::add_cascade(const std::string& table, bool deleted, std::optional<std::int64_t> rows)
{
    std::string text = table + (deleted ? " (rows are deleted" : " (references are cleared");
    text += rows ? "; about " + std::to_string(*rows) + " rows in all)" : ")";
    add(out_.cascades, std::move(text));
}

} // namespace stepgate::proxy::upstream

// Follows a session as the proxy does and says what it believes of the settings. Driven by test_session_state.py:
// a line of input is "outcome<TAB>status<TAB>statement", where the outcome is ok, error or undone (a COMMIT that
// answered ROLLBACK) and the status the letter of ReadyForQuery; the answer is
// "schema,schema<TAB>user<TAB>strings<TAB>name,name,", each of the first three
// "?" if it is not certain; the names are temporary relations that may be there.

#include "policies/postgres/analyzer.h"

#include <iostream>
#include <string>

namespace
{

using namespace stepgate::policies::postgres;

std::string believed(const SessionState& state)
{
    std::string out;
    if (!state.search_path_known())
        out = "?";
    for (const std::string& schema : state.search_path())
        if (state.search_path_known())
            out += (out.empty() ? "" : ",") + schema;
    out += '\t' + (state.user_known() ? state.current_user() : "?");
    const Lexing lexing = state.lexing();
    (out += '\t') += lexing == Lexing::both ? "?" : lexing == Lexing::standard ? "on" : "off";
    out += '\t';
    for (const std::string& name : state.temporary_relations())
        out += name + ',';
    return out;
}

} // namespace

int main()
{
    SessionState::Start start;
    start.user = "postgres";
    SessionState state{start};
    const Analyzer analyzer;
    for (std::string line; std::getline(std::cin, line);) {
        const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
        const std::string outcome = line.substr(0, first);
        const bool ok = outcome == "ok";
        const char status = line.at(first + 1);
        const auto facts = analyzer.analyze(line.substr(second + 1), state);
        if (ok && facts.statements.size() == 1)
            state.apply(facts.statements.front());
        else if (outcome == "undone")
            state.transaction_ended(false);
        if (status == 'I')
            state.transaction_ended(ok);
        else if (status == 'E')
            state.transaction_failed();
        std::cout << believed(state) << std::endl;
    }
    return 0;
}

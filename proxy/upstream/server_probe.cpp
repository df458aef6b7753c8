#include "proxy/upstream/server_probe.h"

#include <libpq-fe.h>

#include <charconv>
#include <memory>
#include <string_view>

namespace stepgate::proxy::upstream
{
namespace
{

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string text_or_empty(const char* text)
{
    return text == nullptr ? std::string{} : std::string{text};
}

// libpq ends its messages with a newline.
std::string one_line(std::string text)
{
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

/// libpq takes an account from elsewhere, most likely the name of who is logged in here.
bool names_account(const std::string& connection)
{
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
        PQconninfoParse(connection.c_str(), nullptr), PQconninfoFree};
    for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr; ++option)
        if (std::string_view{option->keyword} == "user")
            return option->val != nullptr;
    return true; // it cannot be read, which is another problem
}

} // namespace

std::variant<ServerDescription, std::string> probe_postgres(const std::string& connection)
{
    const char* keywords[] = {"dbname", "connect_timeout", "application_name", nullptr};
    const char* values[] = {connection.c_str(), "10", "stepgate init", nullptr};
    const Connection server(PQconnectdbParams(keywords, values, 1), PQfinish);
    if (!server)
        return std::string{"out of memory"};
    if (PQstatus(server.get()) != CONNECTION_OK) {
        auto problem = one_line(text_or_empty(PQerrorMessage(server.get())));
        if (!names_account(connection))
            problem += "\n--upstream names no account, so \"" + text_or_empty(PQuser(server.get())) +
                       "\" was tried; write postgresql://account@host:port/database";
        return problem;
    }

    const Result answer(
        PQexec(server.get(), "SELECT current_setting('server_version'), current_setting('is_superuser')"), PQclear);
    if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK)
        return one_line(text_or_empty(PQerrorMessage(server.get())));

    ServerDescription out;
    out.host = text_or_empty(PQhost(server.get()));
    const std::string_view port = PQport(server.get());
    std::from_chars(port.data(), port.data() + port.size(), out.port);
    out.user = text_or_empty(PQuser(server.get()));
    out.password = text_or_empty(PQpass(server.get()));
    out.database = text_or_empty(PQdb(server.get()));
    out.version = PQgetvalue(answer.get(), 0, 0);
    out.version_number = PQserverVersion(server.get());
    out.tls = PQsslInUse(server.get()) != 0;
    out.superuser = std::string_view{PQgetvalue(answer.get(), 0, 1)} == "on";
    return out;
}

} // namespace stepgate::proxy::upstream

#include "proxy/app/mail_reader.h"

#include "proxy/app/listener_reader.h"

#include <array>
#include <string_view>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using outbound::MailTls;
using policies::rules::TomlTable;

constexpr std::array<std::pair<std::string_view, MailTls>, 2> mail_tls{
    {{"starttls", MailTls::starttls}, {"smtps", MailTls::smtps}}};
constexpr int submission_port = 587, submissions_port = 465; // RFC 6409, RFC 8314

void read_mail_server(TomlTable& table, const std::filesystem::path& base, MailSettings& mail)
{
    if (auto server = table.required_string("server")) {
        if (server->value.find_first_of("/@ ?#[]\"\\") != std::string::npos)
            table.error(server->place, "server is not the name of a host: \"" + server->value + '"',
                        "server = \"smtp.example.com\"; the port has a key of its own");
        mail.server = std::move(server->value);
    }
    mail.tls = table.choice("tls", mail_tls).value_or(MailTls::starttls);
    const int usual = mail.tls == MailTls::smtps ? submissions_port : submission_port;
    mail.port = static_cast<std::uint16_t>(table.integer("port", 1, 65535).value_or(usual));
    mail.ca = read_ca_file(table, "ca", base);
}

} // namespace

std::optional<MailSettings> read_mail(TomlTable& top, const std::filesystem::path& base)
{
    auto table = top.table("mail");
    if (!table)
        return std::nullopt;
    MailSettings mail;
    read_mail_server(*table, base, mail);
    if (auto from = table->required_string("from")) {
        if (!outbound::valid_address(from->value))
            table->error(from->place, "from is not an address: \"" + from->value + '"',
                         "from = \"stepgate@example.com\", without a name");
        mail.from = std::move(from->value);
    }
    if (auto user = table->string("user"))
        mail.user = std::move(user->value);
    mail.password = read_secret(*table, "password", base);
    if (table->has("user") != table->has("password"))
        table->missing("the mail server's user and password come together", "password = {env = \"SMTP_PASSWORD\"}");
    table->finish();
    return mail;
}

std::optional<outbound::MailServer> mail_server(const MailSettings& mail)
{
    const auto password = mail.password ? mail.password->read() : std::string{};
    if (!password)
        return std::nullopt;
    outbound::MailServer server;
    server.host = mail.server;
    server.port = mail.port;
    server.tls = mail.tls;
    server.ca_file = mail.ca.string();
    server.from = mail.from;
    server.user = mail.user;
    server.password = *password;
    return server;
}

} // namespace stepgate::proxy::app

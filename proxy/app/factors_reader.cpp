#include "proxy/app/factors_reader.h"

#include "proxy/app/listener_reader.h"

#include <array>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using challenge_web::factors::AttestationPolicy;
using policies::rules::TomlTable;

/// Those of Chromium, Firefox, Edge and Safari.
constexpr std::array<std::string_view, 4> known_push_services{"fcm.googleapis.com", "*.push.services.mozilla.com",
                                                              "*.notify.windows.com", "web.push.apple.com"};

/// "push.example", "*.push.example", "127.0.0.1:8443"
bool is_push_host(std::string_view host)
{
    const bool wild = host.starts_with("*.");
    if (wild)
        host.remove_prefix(2);
    return !host.empty() && host.front() != '.' && (!wild || host.find('.') != std::string_view::npos) &&
           host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:") == std::string_view::npos;
}

/// RFC 8292 section 2.1.
bool is_subject(std::string_view subject)
{
    return (subject.starts_with("mailto:") || subject.starts_with("https://")) &&
           subject.find_first_of(" \"\\\r\n\t") == std::string_view::npos;
}

PushConfiguration read_push(TomlTable& table, const std::filesystem::path& base)
{
    PushConfiguration push;
    for (auto& [host, place] : table.strings("hosts")) {
        if (!is_push_host(host))
            table.error(place, "\"" + host + "\" is no host of a push service",
                        "hosts = [\"fcm.googleapis.com\", \"*.push.services.mozilla.com\"], in small letters");
        push.hosts.push_back(std::move(host));
    }
    if (!table.has("hosts"))
        push.hosts.assign(known_push_services.begin(), known_push_services.end());
    push.ca = read_ca_file(table, "ca", base);
    if (auto subject = table.string("subject")) {
        if (!is_subject(subject->value))
            table.error(subject->place, "subject is neither mailto: nor https: \"" + subject->value + '"',
                        "subject = \"mailto:dba@example.com\", where push services can ask about this installation");
        push.subject = std::move(subject->value);
    }
    return push;
}

void read_roots(TomlTable& table, const std::filesystem::path& base, AttestationPolicy& policy)
{
    const auto file = read_file_path(table, "attestation_roots", base);
    if (file.empty())
        return;
    std::ifstream in{file, std::ios::binary};
    policy.roots.assign(std::istreambuf_iterator<char>{in}, {});
    if (challenge_web::factors::certificates_in(policy.roots) == 0)
        table.error(table.place("attestation_roots"),
                    "attestation_roots: there is no certificate in " + file.string() + ", or one that cannot be read",
                    "the makers' authorities, as PEM");
}

AttestationPolicy read_passkey(TomlTable& table, const std::filesystem::path& base)
{
    AttestationPolicy policy;
    const auto written = table.strings("attestation");
    const bool any = written.size() == 1 && written[0].value == "any";
    for (const auto& [text, place] : written) {
        auto aaguid = challenge_web::factors::parse_aaguid(text);
        if (any)
            break;
        if (aaguid.empty())
            table.error(place, "\"" + text + "\" is no AAGUID",
                        "\"ee882879-721c-4913-9775-3dfcce97072a\", or attestation = \"any\"");
        policy.aaguids.push_back(std::move(aaguid));
    }
    if (table.has("attestation") && written.empty())
        table.error(table.place("attestation"), "no authenticator is allowed", "attestation = \"any\"");
    read_roots(table, base, policy);
    const bool unverified = table.boolean("attestation_unverified").value_or(false);
    if (policy.any() && (table.has("attestation_roots") || unverified))
        table.missing("nothing is checked where any authenticator is allowed",
                      "attestation = [\"ee882879-721c-4913-9775-3dfcce97072a\"]");
    else if (!policy.any() && table.has("attestation_roots") == unverified)
        table.error(table.place("attestation"),
                    unverified ? "attestation_roots verify what attestation_unverified does not"
                               : "an AAGUID proves nothing without the maker's certificate",
                    "attestation_roots = \"makers.pem\", or attestation_unverified = true to take authenticators on "
                    "their word");
    return policy;
}

} // namespace

void read_factors(TomlTable& top, const std::filesystem::path& base, Configuration& configuration)
{
    auto factors = top.table("factors");
    if (!factors)
        return;
    if (auto passkey = factors->table("passkey")) {
        configuration.authenticators = read_passkey(*passkey, base);
        passkey->finish();
    }
    if (auto push = factors->table("push")) {
        configuration.push = read_push(*push, base);
        push->finish();
    }
    factors->finish();
}

} // namespace stepgate::proxy::app

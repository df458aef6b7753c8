#include "proxy/app/notification_reader.h"

#include "proxy/app/listener_reader.h"
#include "proxy/outbound/mail_message.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using namespace std::chrono_literals;
using notify::Kind;
using policies::rules::Place;
using policies::rules::TomlTable;

constexpr std::array<std::pair<std::string_view, Kind>, 4> kinds{
    {{"webhook", Kind::webhook}, {"slack", Kind::slack}, {"teams", Kind::teams}, {"email", Kind::email}}};

bool is_https(std::string_view url)
{
    constexpr std::string_view scheme = "https://";
    const auto rest = url.substr(std::min(url.size(), scheme.size()));
    return url.starts_with(scheme) && !rest.empty() && rest.front() != '/' &&
           std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 127; }) &&
           url.find_first_of("#\"\\@<>") == std::string_view::npos;
}

std::vector<std::string> values(std::vector<policies::rules::Located<std::string>> all)
{
    std::vector<std::string> out;
    for (auto& one : all)
        out.push_back(std::move(one.value));
    return out;
}

/// Whoever knows the address of a chat's webhook may write there: such an address may stand in a file of its own.
void read_url(TomlTable& table, const std::filesystem::path& base, NotificationSettings& out)
{
    const auto* node = table.node("url");
    if (node == nullptr)
        return table.missing("there is no url to send to", "url = {file = \"…\"} or url = \"https://…\"");
    if (!node->is_string()) {
        out.url = read_secret(table, "url", base);
        return;
    }
    auto written = table.required_string("url");
    if (!written)
        return;
    if (!is_https(written->value))
        table.error(written->place, "url is not an https address", "url = \"https://hooks.example.com/stepgate\"");
    out.target.url = std::move(written->value);
}

void read_receivers(TomlTable& table, NotificationSettings& out, bool mail)
{
    auto& target = out.target;
    for (auto& [address, place] : table.strings("to")) {
        if (!outbound::valid_address(address))
            table.error(place, "to has an entry that is no address: \"" + address + '"',
                        "to = [\"ops@example.com\"], without names");
        target.to.push_back(std::move(address));
    }
    if (auto group = table.string("group"))
        target.group = std::move(group->value);
    target.approvers = table.boolean("approvers").value_or(false);
    if (target.to.empty() && target.group.empty() && !target.approvers)
        table.missing("nobody gets this mail", "to = [\"ops@example.com\"], group = \"dba\" or approvers = true");
    if (!mail)
        table.error(table.place("kind"), "there is no [mail] that could send it");
}

void read_events(TomlTable& table, notify::TargetSettings& target)
{
    if (!table.has("events"))
        table.missing("events is missing", "events = [\"challenge_opened\", \"challenge_decided\"]");
    for (const auto& [name, place] : table.strings("events")) {
        const auto known = std::find_if(notify::event_names.begin(), notify::event_names.end(),
                                        [&](const auto& event) { return event.first == name; });
        if (known != notify::event_names.end()) {
            target.events.push_back(known->second);
            continue;
        }
        std::array<std::string_view, notify::event_names.size()> all{};
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i] = notify::event_names[i].first;
        table.unknown(place, "event", name, all);
    }
}

void read_filter(TomlTable& table, notify::TargetSettings& target)
{
    target.rules = values(table.strings("rules"));
    target.labels = values(table.strings("labels"));
    target.level = static_cast<int>(table.integer("level", 1, 3).value_or(0));
    if (const auto give_up = table.duration("give_up")) {
        if (*give_up < 1min || *give_up > 24h)
            table.error(table.place("give_up"), "give_up is out of range", "from 1m to 24h");
        target.retry.give_up = *give_up;
    }
}

NotificationSettings read_one(TomlTable& table, const std::filesystem::path& base, bool mail)
{
    NotificationSettings out;
    auto& target = out.target;
    if (auto name = table.required_string("name")) {
        if (!is_short_name(name->value))
            table.error(name->place, "name \"" + name->value + "\" has characters that it must not have",
                        "letters, digits, - and _");
        target.name = std::move(name->value);
    }
    if (!table.has("kind"))
        table.missing("kind is missing", "one of: webhook, slack, teams, email");
    const auto kind = table.choice("kind", kinds);
    target.kind = kind.value_or(Kind::webhook);
    if (target.kind == Kind::email) {
        read_receivers(table, out, mail);
    } else {
        read_url(table, base, out);
        target.ca_file = read_ca_file(table, "ca", base).string();
    }
    if (target.kind == Kind::webhook) {
        out.secret = read_secret(table, "secret", base);
        if (kind && !table.has("secret"))
            table.missing("a webhook's messages are signed", "secret = {file = \"…\"}: whsec_ and base64");
    }
    read_events(table, target);
    read_filter(table, target);
    return out;
}

} // namespace

std::vector<NotificationSettings> read_notifications(TomlTable& top, const std::filesystem::path& base, bool mail)
{
    std::vector<NotificationSettings> all;
    for (auto& table : top.tables("notifications")) {
        all.push_back(read_one(table, base, mail));
        const auto same = [&](const auto& other) { return other.target.name == all.back().target.name; };
        if (std::count_if(all.begin(), all.end(), same) > 1)
            table.error(table.place("name"), "other notifications have this name");
        table.finish();
    }
    return all;
}

std::variant<std::vector<notify::TargetSettings>, std::string> notification_targets(const Configuration& configuration)
{
    std::vector<notify::TargetSettings> targets;
    for (const auto& one : configuration.notifications) {
        auto target = one.target;
        const auto wrong = [&](const std::string& what) {
            return configuration.file.string() + ": notifications " + target.name + ": " + what;
        };
        if (one.url) {
            const auto url = one.url->read();
            if (!url || !is_https(*url))
                return wrong("its url cannot be read, or is not an https address");
            target.url = *url;
        }
        if (one.secret) {
            const auto text = one.secret->read();
            auto keys = text ? notify::parse_signing_keys(*text) : std::nullopt;
            if (!keys)
                return wrong("its secret cannot be read, or is not whsec_ and the base64 of 24 to 64 bytes");
            target.keys = std::move(*keys);
        }
        targets.push_back(std::move(target));
    }
    return targets;
}

} // namespace stepgate::proxy::app

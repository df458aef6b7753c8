#include "proxy/notify/messages.h"

#include "challenge-web/accounts/rfc3339.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include <string_view>

namespace stepgate::proxy::notify
{

namespace json = boost::json;

namespace
{

// Slack refuses longer ones (Block Kit reference: header, section and its fields).
constexpr std::size_t slack_title = 150, slack_field = 500, slack_statement = 2800, slack_fields = 10;

const char* link_text(const Notice& notice)
{
    return notice.challenge.empty() ? "Open stepgate" : "Open the challenge";
}

/// As Slack has texts written; what does not fit is cut before an entity or a character.
std::string slack_text(std::string_view text, std::size_t most)
{
    std::string out;
    std::size_t whole = 0; // bytes of `out` that end with a character
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool starts = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        if (starts)
            whole = out.size();
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else
            out += c;
        if (out.size() > most)
            return out.substr(0, whole) + "…";
    }
    return out;
}

json::object plain(std::string text)
{
    return {{"type", "plain_text"}, {"text", std::move(text)}, {"emoji", false}};
}

json::object run(std::string text, bool bold = false)
{
    json::object out{{"type", "TextRun"}, {"text", std::move(text)}};
    if (bold)
        out["weight"] = "Bolder";
    return out;
}

json::object line(json::array runs)
{
    return {{"type", "RichTextBlock"}, {"inlines", std::move(runs)}};
}

void set(json::object& out, const char* name, const std::string& value)
{
    if (!value.empty())
        out[name] = value;
}

} // namespace

std::string webhook_body(const Notice& notice)
{
    json::object data;
    set(data, "challenge", notice.challenge);
    set(data, "code", notice.code);
    set(data, "url", notice.url);
    set(data, "outcome", notice.outcome);
    set(data, "by", notice.by);
    set(data, "user", notice.user);
    set(data, "listener", notice.listener);
    set(data, "database", notice.database);
    if (about_challenge(notice.event)) {
        data["statements"] = json::value_from(notice.statements);
        data["rules"] = json::value_from(notice.rules);
        data["labels"] = json::value_from(notice.labels);
        data["level"] = notice.level;
        data["approvals"] = notice.approvals;
    }
    set(data, "group", notice.group);
    set(data, "address", notice.address);
    set(data, "factor", notice.factor);
    set(data, "change", notice.change);
    set(data, "revision", notice.revision);
    const auto type = to_string(notice.event);
    return json::serialize(json::object{{"type", json::string_view{type.data(), type.size()}},
                                        {"timestamp", challenge_web::accounts::rfc3339(notice.at)},
                                        {"data", std::move(data)}});
}

std::string slack_body(const Notice& notice)
{
    const auto heading = slack_text(title(notice), slack_title - 3);
    json::array blocks{json::object{{"type", "header"}, {"text", plain(heading)}}};
    json::array fields;
    for (const auto& [name, value] : particulars(notice))
        if (fields.size() < slack_fields)
            fields.emplace_back(plain(name + ": " + slack_text(value, slack_field)));
    if (!fields.empty())
        blocks.emplace_back(json::object{{"type", "section"}, {"fields", std::move(fields)}});
    for (const auto& statement : notice.statements)
        if (!statement.empty())
            blocks.emplace_back(
                json::object{{"type", "section"}, {"text", plain(slack_text(statement, slack_statement))}});
    if (!notice.url.empty())
        blocks.emplace_back(
            json::object{{"type", "section"},
                         {"text",
                          {{"type", "mrkdwn"},
                           {"text", "<" + slack_text(notice.url, slack_field) + "|" + link_text(notice) + ">"}}}});
    return json::serialize(json::object{{"text", heading}, {"blocks", std::move(blocks)}});
}

std::string teams_body(const Notice& notice)
{
    json::array body{line({run(title(notice), true)})};
    for (const auto& [name, value] : particulars(notice))
        body.emplace_back(line({run(name + ": ", true), run(value)}));
    for (const auto& statement : notice.statements) {
        auto text = run(statement);
        text["fontType"] = "Monospace";
        body.emplace_back(line({std::move(text)}));
    }
    json::object card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                      {"type", "AdaptiveCard"},
                      {"version", "1.4"},
                      {"body", std::move(body)}};
    if (!notice.url.empty())
        card["actions"] =
            json::array{json::object{{"type", "Action.OpenUrl"}, {"title", link_text(notice)}, {"url", notice.url}}};
    return json::serialize(json::object{
        {"type", "message"},
        {"attachments", json::array{json::object{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                                 {"contentUrl", nullptr},
                                                 {"content", std::move(card)}}}}});
}

outbound::Mail mail_of(const Notice& notice, const std::string& to)
{
    std::string text = title(notice) + "\n\n";
    for (const auto& [name, value] : particulars(notice))
        text += name + ": " + value + '\n';
    for (const auto& statement : notice.statements)
        text += "\n    " + statement + '\n';
    if (!notice.url.empty())
        text += "\n" + notice.url + '\n';
    return {to, "stepgate: " + title(notice), std::move(text)};
}

} // namespace stepgate::proxy::notify

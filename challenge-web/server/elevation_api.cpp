#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

constexpr std::size_t longest_text = 256;

json::array shown(const std::vector<std::string>& texts)
{
    json::array out;
    for (const auto& text : texts)
        out.emplace_back(readable(text, longest_text).text);
    return out;
}

json::object elevation_json(const challenges::Elevation& elevation)
{
    const auto readable_text = [](const std::string& value) { return readable(value, longest_text).text; };
    return {{"id", elevation.challenge},
            {"user", readable_text(elevation.user)},
            {"scope", std::string{to_string(elevation.offer.scope)}},
            {"left",
             elevation.offer.count > 0 ? json::value(elevation.offer.count - elevation.used) : json::value(nullptr)},
            {"granted", rfc3339(elevation.granted)},
            {"expires", rfc3339(elevation.expires())},
            {"listener", readable_text(elevation.listener)},
            {"database", readable_text(elevation.database)},
            {"role", readable_text(elevation.role)},
            {"client_address", elevation.client_address},
            {"session", elevation.session},
            {"rules", shown(elevation.rules)},
            {"labels", shown(elevation.labels)}};
}

/// Everyone's for an admin, one's own for all others.
std::vector<challenges::Elevation> visible(const Call& call)
{
    return call.services.use.challenges.elevations(call.visitor->user.admin ? std::string{} : call.user(), call.now);
}

} // namespace

Response list_elevations(Call& call)
{
    json::array list;
    for (const auto& elevation : visible(call))
        list.emplace_back(elevation_json(elevation));
    return json_reply(200, json::object{{"elevations", std::move(list)}});
}

Response end_elevation(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    const auto all = visible(call);
    const auto& id = call.parameters[0];
    if (std::none_of(all.begin(), all.end(), [&](const auto& elevation) { return elevation.challenge == id; }))
        return not_found();
    // The audit hears of it from the table; an elevation that ends is never the riskier choice.
    (void)call.services.use.challenges.end_elevation(id, call.user(), call.now);
    return no_content();
}

} // namespace stepgate::challenge_web::server

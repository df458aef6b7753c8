#include "challenge-web/server/provider_login.h"

#include "challenge-web/server/replies.h"

#include <utility>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

factors::IdentityProvider* find_provider(const Services& services, const std::string& name)
{
    for (auto* provider : services.use.identity_providers)
        if (provider->name() == name)
            return provider;
    return nullptr;
}

Response begin_provider_login(Call& call, factors::IdentityProvider& provider, Ceremony ceremony,
                              const std::function<Response(boost::system::error_code)>& refuse)
{
    ceremony.expires = call.now + call.services.limits.ceremony;
    const auto started = provider.start(ceremony.ask);
    if (started.has_error())
        return refuse(started.error());
    ceremony.login = started->login;
    const auto id = call.services.ceremonies.begin(std::move(ceremony), call.now);
    if (!id)
        return unavailable();
    return json_reply(200, json::object{{"ceremony", *id}, {"url", started->url}});
}

ProviderReturn read_provider_return(JsonBody& body)
{
    return {body.text("ceremony", 64),
            {body.text("state", 128), body.text("code", 2048), body.optional_text("iss", 1024)}};
}

} // namespace stepgate::challenge_web::server

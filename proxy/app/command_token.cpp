#include "proxy/app/command_token.h"

#include "challenge-web/accounts/scope.h"
#include "challenge-web/server/new_token.h"
#include "challenge-web/server/replies.h"
#include "proxy/app/command_store.h"
#include "proxy/audit/text.h"

#include <boost/algorithm/string/join.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <ostream>

namespace stepgate::proxy::app
{
namespace
{

namespace accounts = challenge_web::accounts;
using challenge_web::server::rfc3339;

/// "" or what is wrong with them.
std::string wrong_scopes(const std::vector<std::string>& scopes, const accounts::User& user)
{
    const auto possible = accounts::scopes_for(user);
    for (const auto& scope : scopes)
        if (std::ranges::find(possible, scope) == possible.end())
            return "\"" + audit::one_line(scope) + "\" is no scope for " + user.name +
                   "; one of: " + boost::algorithm::join(possible, ", ");
    return {};
}

} // namespace

int run_token_add(const TokenAddOptions& options, std::ostream& out, std::ostream& err)
{
    if (options.name.empty() || options.name.size() > challenge_web::server::longest_token_name) {
        err << "stepgate: a token's name has 1 to " << challenge_web::server::longest_token_name << " bytes\n";
        return 2;
    }
    auto opened = open_store(options.config, Missing::refuse, err);
    if (!opened)
        return 2;
    const auto user = opened->store->find_user(options.user);
    if (user.has_error())
        return store_failed(user.error(), err);
    if (!*user || (*user)->disabled) {
        err << "stepgate: there is no enabled user " << options.user << "; see stepgate user list\n";
        return 1;
    }
    if (const auto wrong = wrong_scopes(options.scopes, **user); !wrong.empty()) {
        err << "stepgate: " << wrong << '\n';
        return 2;
    }
    const auto made = challenge_web::server::new_token(options.user, options.name, options.scopes, options.days,
                                                       std::chrono::system_clock::now());
    if (!made) {
        err << "stepgate: no randomness; nothing was stored\n";
        return 2;
    }
    if (const auto added = opened->store->add_api_token(made->token, by_command_line()); added.has_error())
        return store_failed(added.error(), err);
    out << "token " << made->token.id << " until " << rfc3339(made->token.expires) << ", shown only now:\n"
        << made->secret << '\n';
    return 0;
}

int run_token_list(const std::filesystem::path& config, const std::string& user, bool json, std::ostream& out,
                   std::ostream& err)
{
    auto opened = open_store(config, Missing::refuse, err);
    if (!opened)
        return 2;
    const auto tokens = opened->store->api_tokens(user, std::chrono::system_clock::now());
    if (tokens.has_error())
        return store_failed(tokens.error(), err);
    for (const auto& token : *tokens) {
        const auto used = token.last_used ? rfc3339(*token.last_used) : std::string{};
        if (json) {
            out << boost::json::serialize(
                       boost::json::object{{"id", token.id},
                                           {"user", token.user},
                                           {"name", token.name},
                                           {"scopes", boost::json::array(token.scopes.begin(), token.scopes.end())},
                                           {"created", rfc3339(token.created)},
                                           {"expires", rfc3339(token.expires)},
                                           {"last_used", used},
                                           {"last_address", token.last_address}})
                << '\n';
            continue;
        }
        out << token.id << "  " << token.user << "  " << audit::one_line(token.name) << "  "
            << boost::algorithm::join(token.scopes, ",") << "  until " << rfc3339(token.expires)
            << (used.empty() ? "  never used" : "  last used " + used + " from " + token.last_address) << '\n';
    }
    return 0;
}

int run_token_remove(const std::filesystem::path& config, const std::string& id, std::ostream& out, std::ostream& err)
{
    auto opened = open_store(config, Missing::refuse, err);
    if (!opened)
        return 2;
    const auto tokens = opened->store->api_tokens({}, std::chrono::system_clock::now());
    if (tokens.has_error())
        return store_failed(tokens.error(), err);
    const auto found = std::ranges::find(*tokens, id, &accounts::ApiToken::id);
    if (found == tokens->end()) {
        err << "stepgate: there is no token " << id << "; see stepgate token list\n";
        return 1;
    }
    if (const auto removed = opened->store->remove_api_token(found->user, id, by_command_line()); removed.has_error())
        return store_failed(removed.error(), err);
    out << "removed " << id << " of " << found->user << '\n';
    return 0;
}

} // namespace stepgate::proxy::app

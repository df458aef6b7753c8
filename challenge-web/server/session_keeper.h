#pragma once

#include "challenge-web/accounts/accounts.h"
#include "challenge-web/server/message.h"
#include "challenge-web/server/settings.h"

#include <boost/system/result.hpp>

#include <optional>
#include <string>

namespace stepgate::challenge_web::server
{

template <class T>
using result = boost::system::result<T>;

/// The person behind a request: a live session of a user who is not disabled.
struct Visitor {
    accounts::WebSession session;
    accounts::User user;
};

/// What a new session may do.
enum class Strength : std::uint8_t {
    enrolment_only, // may add a first factor
    weak,           // signed in, not with a phishing-resistant factor
    strong,
};

/// Web sessions: cookies, rotation, timeouts. Thread-safe, as the accounts are.
class SessionKeeper
{
  public:
    SessionKeeper(accounts::Accounts& accounts, const ApiLimits& limits) : accounts_(accounts), limits_(limits) {}

    /// nullopt: no cookie, unknown, timed out, or its user is gone or disabled. Errors only when the store fails.
    [[nodiscard]] result<std::optional<Visitor>> visitor(const Request& request, accounts::TimePoint now) const;
    [[nodiscard]] result<std::optional<Visitor>> visitor_of(const std::string& token_hash,
                                                            accounts::TimePoint now) const;

    /// Ends the session that the request came with, if any, starts a new one, and sets the cookie on `response`.
    /// `signed_in`: when its user proved who they are; from then on it has its longest time.
    [[nodiscard]] result<accounts::WebSession> start(const Request& request, const std::string& user, Strength strength,
                                                     accounts::TimePoint signed_in, accounts::TimePoint now,
                                                     Response& response);
    [[nodiscard]] result<void> end(const accounts::WebSession& session, Response& response);

  private:
    accounts::Accounts& accounts_;
    const ApiLimits& limits_;
};

} // namespace stepgate::challenge_web::server

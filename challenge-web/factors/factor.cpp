#include "challenge-web/factors/factor.h"

#include <boost/json.hpp>

namespace stepgate::challenge_web::factors
{

namespace json = boost::json;

Proof Factor::proof_of(const std::string& user, std::string_view kind, const std::string& credential) const
{
    Proof proof;
    proof.user = user;
    proof.factor = name();
    proof.kind = kind;
    proof.credential = credential;
    const auto type = name();
    proof.evidence = json::serialize(
        json::object{{"type", json::string_view{type.data(), type.size()}}, {"credential", credential}});
    return proof;
}

} // namespace stepgate::challenge_web::factors

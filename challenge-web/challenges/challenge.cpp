#include "challenge-web/challenges/challenge.h"

namespace stepgate::challenge_web::challenges
{

std::string_view to_string(State state)
{
    switch (state) {
    case State::pending:
        return "pending";
    case State::approved:
        return "approved";
    case State::consumed:
        return "consumed";
    case State::denied:
        return "denied";
    case State::expired:
        return "expired";
    case State::cancelled:
        return "cancelled";
    }
    return "cancelled";
}

} // namespace stepgate::challenge_web::challenges

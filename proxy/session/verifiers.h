#pragma once

#include "protocols/postgres/scram_verifier.h"
#include "proxy/session/options.h"

#include <string>
#include <vector>

namespace stepgate::proxy::session
{

/// What a user may log in with now. `text` is all of it, so that whoever remembers a proof can tell when it is void.
struct Verifiers {
    std::vector<protocols::postgres::ScramVerifier> all; // of one salt and one number of rounds; empty: nothing matches
    std::string text;
};

/// Nothing for a disabled user. A login shows one salt: verifiers of another one are left out.
[[nodiscard]] Verifiers usable_verifiers(const WireUser& user);

} // namespace stepgate::proxy::session

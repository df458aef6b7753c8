#pragma once

#include <string>
#include <vector>

namespace stepgate::policies::rules
{

/// Who asks, from where. Set once a session; strings are owned by the session. The application name is what the client
/// says about itself, so a rule should only get stricter by it.
struct Asker {
    std::string listener, user, database, role, client_address, application_name;
    std::vector<std::string> groups; // sorted
};

} // namespace stepgate::policies::rules

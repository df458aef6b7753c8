#pragma once

#include "policies/rules/cidr.h"
#include "policies/rules/toml_reader.h"
#include "proxy/app/configuration.h"

#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::app
{

/// Who of a configuration listens where, to tell of two that cannot both have their address. Ports 0 are all different.
class TakenAddresses
{
  public:
    static constexpr std::string_view listener = "another listener";

    /// `table`'s "listen" is for `who`, "[web]" or `listener`. Reported in the table if somebody before has it.
    void take(policies::rules::TomlTable& table, const Endpoint& endpoint, std::string_view who);

  private:
    struct Taken {
        policies::rules::Address address;
        std::string zone; // of a link-local address
        std::uint16_t port;
        std::string_view who;
        policies::rules::Place place;
    };
    [[nodiscard]] static bool collide(const Taken& one, const Taken& other);

    std::vector<Taken> taken_;
};

} // namespace stepgate::proxy::app

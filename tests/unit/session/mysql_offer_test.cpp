#include "proxy/session/mysql_front_door.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace mysql_offer_test
{

using protocols::mysql::Capabilities;
using protocols::mysql::Capability;

TEST(MySqlOffer, compression_is_stepgates_own_and_can_be_turned_off)
{
    const auto both = Capability::compress | Capability::zstd_compression_algorithm;
    for (const Capabilities server : {Capabilities{}, both | Capability::protocol_41}) {
        ListenerOptions options;
        EXPECT_TRUE(offered_to_clients(server, false, options).has_all(both));
        options.compression = false;
        EXPECT_FALSE(offered_to_clients(server, false, options).has(Capability::compress));
        EXPECT_FALSE(offered_to_clients(server, false, options).has(Capability::zstd_compression_algorithm));
    }
}

TEST(MySqlOffer, files_and_tls_as_the_listener_has_them)
{
    const Capabilities all{~0ULL};
    ListenerOptions options;
    EXPECT_FALSE(offered_to_clients(all, false, options).has(Capability::local_files));
    EXPECT_FALSE(offered_to_clients(all, false, options).has(Capability::ssl));
    options.local_infile = true;
    EXPECT_TRUE(offered_to_clients(all, true, options).has_all(Capability::local_files | Capability::ssl));
}

} // namespace mysql_offer_test
} // namespace stepgate::proxy::session

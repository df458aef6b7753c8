#include "proxy/net/errc.h"

namespace stepgate::proxy::net
{

namespace
{

class Category final : public boost::system::error_category
{
  public:
    [[nodiscard]] const char* name() const noexcept override { return "stepgate.net"; }
    [[nodiscard]] std::string message(int code) const override
    {
        switch (static_cast<errc>(code)) {
        case errc::end_of_stream:
            return "the peer closed the connection";
        case errc::tls_failed:
            return "TLS failed";
        case errc::certificate_unreadable:
            return "certificate, key or CA file cannot be used";
        case errc::alpn_refused:
            return "the client did not offer the ALPN protocol";
        case errc::bad_address:
            return "not a usable address";
        }
        return "unknown network error";
    }
};

} // namespace

const boost::system::error_category& net_category()
{
    static const Category category;
    return category;
}

} // namespace stepgate::proxy::net

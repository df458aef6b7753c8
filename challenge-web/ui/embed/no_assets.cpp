#include "challenge-web/ui/assets.h"

namespace stepgate::challenge_web::ui
{

std::span<const Asset> all()
{
    return {};
} // built without the web app

} // namespace stepgate::challenge_web::ui

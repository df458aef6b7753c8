#pragma once

#include <string_view>

namespace stepgate::proxy::app
{

/// Tells a service manager that asked for it ($NOTIFY_SOCKET, sd_notify(3)) what becomes of this process: "READY=1",
/// "STOPPING=1". Nothing happens if there is none.
void tell_supervisor(std::string_view state);

} // namespace stepgate::proxy::app

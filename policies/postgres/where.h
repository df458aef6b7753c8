#pragma once

#include "policies/statement/weaker.h"

namespace stepgate::policies::postgres
{

using statement::weaker;

} // namespace stepgate::policies::postgres

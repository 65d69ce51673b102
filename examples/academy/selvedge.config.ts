/**
 * What `selvedge check` reads when it is pointed at an academy of your own: one URL for each service, from the environment.
 *
 *     ACADEMY_USER_URL=postgres://… ACADEMY_COURSE_URL=… npx selvedge check
 */
import { academyConfig } from './config.ts'

export default academyConfig((service) => process.env[`ACADEMY_${service.toUpperCase()}_URL`] ?? '')

/** The eight services of the academy, in the order in which they are started. */
import { achievementService } from './achievement/service.ts'
import { challengeService } from './challenge/service.ts'
import { courseService } from './course/service.ts'
import type { AcademyService } from './domain.ts'
import { enrollmentService } from './enrollment/service.ts'
import { notificationService } from './notification/service.ts'
import { paymentService } from './payment/service.ts'
import { progressService } from './progress/service.ts'
import type { UserContract } from './user/contract.ts'
import { userService } from './user/service.ts'

/** The name of a service of the academy, which is also the name of its database and its role. */
export type ServiceName =
  | 'user'
  | 'course'
  | 'challenge'
  | 'progress'
  | 'achievement'
  | 'payment'
  | 'enrollment'
  | 'notification'

/** How each service is built from the version of the user contract that it has learnt. */
export const academy: Readonly<Record<ServiceName, (user: UserContract) => AcademyService>> = {
  user: userService,
  course: courseService,
  challenge: challengeService,
  progress: progressService,
  achievement: achievementService,
  payment: paymentService,
  enrollment: enrollmentService,
  notification: notificationService,
}

/** The names, in the order of `academy`. */
export const serviceNames = Object.keys(academy) as readonly ServiceName[]

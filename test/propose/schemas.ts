/**
 * Schemas in the styles that people write, each with traps: ids of equal range, a `status_id` without a table, empty
 * tables, nullable references with dangling rows, codes and UUIDs as keys. Names are of no database in the corpora.
 */
import { code, flag, int, other, pick, ref, type SchemaSpec, serial, text, uuid } from './generate.ts'

const shop: SchemaSpec = {
  users: {
    rows: 300,
    unique: ['email'],
    columns: { id: serial(), email: text(), full_name: text(), created_at: other() },
  },
  addresses: { rows: 400, columns: { id: serial(), user_id: ref('users'), city: text(), zip: int(10000, 99999) } },
  categories: { rows: 12, columns: { id: serial(), parent_id: ref('categories', { nulls: 0.4 }), title: text() } },
  products: {
    rows: 300,
    columns: { id: serial(), category_id: ref('categories'), name: text(), status_id: int(1, 3) },
  },
  product_variants: {
    rows: 600,
    unique: ['sku'],
    columns: { id: serial(), product_id: ref('products'), sku: code('SKU-'), weight: int(1, 90) },
  },
  coupons: { rows: 25, columns: { code: code('C'), percent: int(5, 50) } },
  orders: {
    rows: 900,
    columns: {
      ...{ id: serial(), user_id: ref('users'), status_id: int(1, 5), coupon_code: ref('coupons', { nulls: 0.8 }) },
      ...{ billing_address_id: ref('addresses'), shipping_address_id: ref('addresses', { dangling: 0.02 }) },
      ...{ assigned_to: ref('users', { nulls: 0.5 }), total: int(1, 900) },
    },
  },
  order_items: {
    rows: 2000,
    key: ['order_id', 'line_no'],
    columns: {
      order_id: ref('orders', { dangling: 0.01 }),
      line_no: int(1, 9),
      variant_id: ref('product_variants'),
      quantity: int(1, 5),
    },
  },
  payments: {
    rows: 850,
    columns: { id: serial(), order_id: ref('orders'), method: pick('card', 'paypal'), amount: int(1, 900) },
  },
  carriers: { rows: 4, columns: { id: serial(), name: text() } },
  shipments: {
    rows: 700,
    columns: { id: serial(), order_id: ref('orders'), carrier_id: ref('carriers'), tracking_no: code('T') },
  },
  reviews: {
    rows: 500,
    columns: { id: serial(), product_id: ref('products'), author_id: ref('users'), stars: int(1, 5) },
  },
  wishlists: { rows: 0, columns: { id: serial(), user_id: ref('users') } },
}

const university: SchemaSpec = {
  Building: { rows: 10, columns: { BuildingID: serial(), Name: text() } },
  Room: {
    rows: 80,
    columns: { RoomID: serial(), BuildingID: ref('Building'), Capacity: int(10, 300), Floor: int(1, 4) },
  },
  Department: {
    rows: 14,
    columns: { DeptCode: code('D'), Name: text(), ChairID: ref('Instructor'), BuildingID: ref('Building') },
  },
  Instructor: {
    rows: 90,
    columns: {
      InstructorID: serial(),
      LastName: text(),
      DeptCode: ref('Department'),
      OfficeRoomID: ref('Room', { nulls: 0.3 }),
    },
  },
  Student: {
    rows: 700,
    columns: {
      StudentID: serial(100001),
      LastName: text(),
      AdvisorID: ref('Instructor', { nulls: 0.2 }),
      MajorDeptCode: ref('Department'),
      YearOfStudy: int(1, 5),
    },
  },
  Course: {
    rows: 160,
    columns: { CourseID: serial(), DeptCode: ref('Department'), Title: text(), Credits: int(1, 6) },
  },
  CourseSection: {
    rows: 320,
    columns: {
      SectionID: serial(),
      CourseID: ref('Course'),
      InstructorID: ref('Instructor'),
      RoomID: ref('Room'),
      TermID: int(1, 6),
    },
  },
  Enrollment: {
    rows: 3000,
    key: ['StudentID', 'SectionID'],
    columns: {
      StudentID: ref('Student', { dangling: 0.01 }),
      SectionID: ref('CourseSection'),
      Grade: pick('A', 'B', 'C'),
    },
  },
  Prerequisite: {
    rows: 120,
    key: ['CourseID', 'RequiredCourseID'],
    columns: { CourseID: ref('Course'), RequiredCourseID: ref('Course') },
  },
  Scholarship: { rows: 60, columns: { ScholarshipID: serial(), StudentID: ref('Student'), Amount: int(100, 900) } },
}

const hospital: SchemaSpec = {
  tbl_insurer: { rows: 8, columns: { insurer_id: serial(), name: text() } },
  tbl_patient: {
    rows: 500,
    columns: {
      patient_id: serial(),
      surname: text(),
      insurer_id: ref('tbl_insurer', { nulls: 0.1, dangling: 0.03 }),
      gender: pick('f', 'm'),
    },
  },
  tbl_doctor: { rows: 60, columns: { doctor_id: serial(), surname: text(), ward_id: ref('tbl_ward') } },
  tbl_ward: { rows: 15, columns: { ward_id: serial(), name: text(), head_doctor_id: ref('tbl_doctor') } },
  tbl_bed: { rows: 150, columns: { bed_id: serial(), ward_id: ref('tbl_ward'), number: int(1, 12) } },
  tbl_admission: {
    rows: 800,
    columns: {
      ...{ admission_id: serial(), patient_id: ref('tbl_patient'), bed_id: ref('tbl_bed'), state_id: int(1, 4) },
      ...{ attending_id: ref('tbl_doctor'), referring_doctor_id: ref('tbl_doctor', { nulls: 0.6 }) },
    },
  },
  tbl_medication: { rows: 120, columns: { med_code: code('M'), label: text() } },
  tbl_prescription: {
    rows: 1500,
    columns: {
      prescription_id: serial(),
      admission_id: ref('tbl_admission'),
      med_code: ref('tbl_medication'),
      doctor_id: ref('tbl_doctor'),
      dose: int(1, 9),
    },
  },
  tbl_lab_test: { rows: 40, columns: { test_code: code('L'), label: text() } },
  tbl_lab_result: {
    rows: 1600,
    columns: {
      result_id: serial(),
      admission_id: ref('tbl_admission'),
      test_code: ref('tbl_lab_test'),
      value: int(1, 300),
      is_final: flag(),
    },
  },
  tbl_invoice: { rows: 0, columns: { invoice_id: serial(), patient_id: ref('tbl_patient') } },
}

const staffing: SchemaSpec = {
  REGIONS: { rows: 4, columns: { REGION_ID: serial(), REGION_NAME: text() } },
  COUNTRIES: { rows: 25, columns: { COUNTRY_ID: code('X'), COUNTRY_NAME: text(), REGION_ID: ref('REGIONS') } },
  LOCATIONS: { rows: 23, columns: { LOCATION_ID: serial(1000, 100), CITY: text(), COUNTRY_ID: ref('COUNTRIES') } },
  DEPARTMENTS: {
    rows: 27,
    columns: {
      DEPARTMENT_ID: serial(10, 10),
      DEPARTMENT_NAME: text(),
      MANAGER_ID: ref('EMPLOYEES', { nulls: 0.4 }),
      LOCATION_ID: ref('LOCATIONS'),
    },
  },
  JOBS: { rows: 19, columns: { JOB_ID: code('J_'), JOB_TITLE: text(), MIN_SALARY: int(1000, 9000) } },
  EMPLOYEES: {
    rows: 107,
    columns: {
      ...{ EMPLOYEE_ID: serial(100), LAST_NAME: text(), JOB_ID: ref('JOBS'), SALARY: int(1000, 9000) },
      ...{ MANAGER_ID: ref('EMPLOYEES', { nulls: 0.1 }), DEPARTMENT_ID: ref('DEPARTMENTS', { nulls: 0.02 }) },
    },
  },
  JOB_HISTORY: {
    rows: 60,
    key: ['EMPLOYEE_ID', 'START_DATE'],
    columns: {
      EMPLOYEE_ID: ref('EMPLOYEES'),
      START_DATE: other('date'),
      JOB_ID: ref('JOBS'),
      DEPARTMENT_ID: ref('DEPARTMENTS'),
    },
  },
  TIMESHEETS: {
    rows: 800,
    columns: {
      ID: serial(),
      EMP_ID: ref('EMPLOYEES'),
      PROJ_ID: ref('PROJECTS'),
      HOURS: int(1, 9),
      APPROVED_BY: ref('EMPLOYEES', { nulls: 0.3 }),
    },
  },
  PROJECTS: {
    rows: 30,
    columns: { ID: serial(), TITLE: text(), DEPT_ID: ref('DEPARTMENTS'), LEAD_EMP_ID: ref('EMPLOYEES') },
  },
}

const workspace: SchemaSpec = {
  accounts: { rows: 200, columns: { id: uuid(), display_name: text() } },
  teams: { rows: 40, columns: { id: uuid(), title: text(), owner: ref('accounts') } },
  memberships: {
    rows: 500,
    key: ['team_id', 'account_id'],
    columns: { team_id: ref('teams'), account_id: ref('accounts'), role: pick('admin', 'member') },
  },
  documents: {
    rows: 800,
    columns: { id: uuid(), team: ref('teams'), last_editor: ref('accounts', { nulls: 0.2 }), kind_id: int(1, 4) },
  },
  document_tags: {
    rows: 900,
    key: ['document_id', 'tag'],
    columns: { document_id: ref('documents', { dangling: 0.04 }), tag: pick('a', 'b', 'c') },
  },
  invoices: { rows: 120, columns: { id: uuid(), account_id: ref('accounts'), number: code('INV-'), trace: uuid() } },
  invitations: { rows: 0, columns: { id: uuid(), team_id: ref('teams') } },
  activity: {
    rows: 1500,
    columns: { id: serial(), actor_id: ref('accounts'), document_id: ref('documents'), request_id: uuid() },
  },
}

/** A benchmark's style: a letter of the table before each column, keys named by short words. */
const wholesale: SchemaSpec = {
  region: { rows: 5, columns: { r_regionkey: serial(0), r_name: text(), r_comment: text() } },
  nation: { rows: 25, columns: { n_nationkey: serial(0), n_name: text(), n_regionkey: ref('region') } },
  supplier: { rows: 100, columns: { s_suppkey: serial(), s_name: text(), s_nationkey: ref('nation') } },
  customer: { rows: 300, columns: { c_custkey: serial(), c_name: text(), c_nationkey: ref('nation') } },
  part: { rows: 200, columns: { p_partkey: serial(), p_name: text(), p_size: int(1, 50) } },
  partsupp: {
    rows: 700,
    key: ['ps_partkey', 'ps_suppkey'],
    columns: { ps_partkey: ref('part'), ps_suppkey: ref('supplier'), ps_availqty: int(1, 99) },
  },
  orders: {
    rows: 900,
    columns: { o_orderkey: serial(1, 4), o_custkey: ref('customer'), o_shippriority: int(0, 1), o_clerk: text() },
  },
  lineitem: {
    rows: 3000,
    key: ['l_orderkey', 'l_linenumber'],
    columns: {
      l_orderkey: ref('orders'),
      l_partkey: ref('part'),
      l_suppkey: ref('supplier'),
      l_linenumber: int(1, 7),
      l_quantity: int(1, 50),
    },
  },
}

/** Glued lower-case names, as MySQL on Windows leaves them. */
const library: SchemaSpec = {
  branches: { rows: 6, columns: { branchid: serial(), branchname: text() } },
  authors: { rows: 120, columns: { authorid: serial(), lastname: text() } },
  publishers: { rows: 30, columns: { publisherid: serial(), publishername: text() } },
  books: {
    rows: 400,
    columns: { isbn: code('978'), title: text(), publisherid: ref('publishers'), pages: int(50, 900) },
  },
  bookauthors: { rows: 500, key: ['isbn', 'authorid'], columns: { isbn: ref('books'), authorid: ref('authors') } },
  bookcopies: { rows: 900, columns: { copyid: serial(), isbn: ref('books'), branchid: ref('branches') } },
  members: { rows: 300, columns: { memberid: serial(), lastname: text(), homebranchid: ref('branches') } },
  loans: {
    rows: 1200,
    columns: {
      loanid: serial(),
      copyid: ref('bookcopies', { dangling: 0.01 }),
      memberid: ref('members'),
      returned: flag(),
    },
  },
  fines: { rows: 100, columns: { fineid: serial(), loanid: ref('loans'), amount: int(1, 40), paid: flag() } },
}

/** All of them, by the style that they stand for. */
export const schemas: Readonly<Record<string, SchemaSpec>> = {
  'shop (snake_case, id)': shop,
  'university (CamelCase, TableID)': university,
  'hospital (tbl_ prefix, codes)': hospital,
  'staffing (UPPER_CASE, abbreviations)': staffing,
  'workspace (UUID)': workspace,
  'wholesale (column prefixes)': wholesale,
  'library (glued names)': library,
}

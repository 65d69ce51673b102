/**
 * Schemas whose references are hard to find or easy to invent: keys of several columns, columns named by a role alone,
 * tables without a row, tables that extend others, and numbers that are in every key and refer to none.
 */
import { code, flag, int, part, pick, ref, type SchemaSpec, serial, text, uuid } from './generate.ts'

const freight: SchemaSpec = {
  customers: { rows: 120, columns: { id: serial(), name: text(), parent_id: ref('customers', { nulls: 0.8 }) } },
  warehouses: { rows: 9, columns: { code: code('W'), name: text(), manager_id: ref('employees') } },
  bins: {
    rows: 300,
    key: ['warehouse_code', 'bin_no'],
    columns: { warehouse_code: ref('warehouses'), bin_no: serial(1, 3), capacity: int(1, 99) },
  },
  employees: {
    rows: 45,
    columns: { id: serial(), full_name: text(), reports_to: ref('employees', { nulls: 0.2 }), base: ref('warehouses') },
  },
  products: {
    rows: 260,
    unique: ['sku'],
    columns: { id: serial(), sku: code('S'), title: text(), owner: ref('employees') },
  },
  orders: {
    rows: 800,
    columns: { id: serial(), customer_id: ref('customers'), sales_rep: ref('employees'), priority: int(1, 3) },
  },
  order_lines: {
    rows: 2400,
    key: ['order_id', 'line_no'],
    columns: { order_id: ref('orders'), line_no: serial(), product_id: ref('products'), quantity: int(1, 9) },
  },
  shipments: {
    rows: 500,
    columns: {
      ...{ id: serial(), dispatched_by: ref('employees'), from_warehouse: ref('warehouses'), carrier_id: int(1, 4) },
    },
  },
  shipment_items: {
    rows: 1500,
    columns: {
      ...{ id: serial(), shipment_id: ref('shipments'), quantity: int(1, 5) },
      ...{ order_id: part('order_lines.order_id'), line_no: part('order_lines.line_no') },
    },
  },
  picks: {
    rows: 900,
    columns: {
      ...{ id: serial(), warehouse_code: part('bins.warehouse_code'), bin_no: part('bins.bin_no') },
      ...{ product_sku: ref('products.sku'), picker_id: ref('employees'), seconds: int(5, 90) },
    },
  },
  returns: { rows: 0, columns: { id: serial(), order_id: ref('orders'), reason_code: pick('A', 'B') } },
}

const tenants: SchemaSpec = {
  tenants: { rows: 20, columns: { id: serial(), name: text() } },
  projects: {
    rows: 400,
    key: ['tenant_id', 'id'],
    columns: { tenant_id: ref('tenants'), id: serial(), name: text() },
  },
  members: {
    rows: 600,
    key: ['tenant_id', 'id'],
    columns: { tenant_id: ref('tenants'), id: serial(), email: text() },
  },
  tasks: {
    rows: 2500,
    key: ['tenant_id', 'id'],
    columns: {
      ...{ tenant_id: part('projects.tenant_id'), id: serial(), project_id: part('projects.id') },
      ...{ title: text(), points: int(1, 8) },
    },
  },
  comments: {
    rows: 3000,
    key: ['tenant_id', 'id'],
    columns: { tenant_id: part('tasks.tenant_id'), id: serial(), task_id: part('tasks.id'), body: text() },
  },
  invoices: { rows: 200, columns: { id: serial(), tenant_id: ref('tenants'), cents: int(1, 9000) } },
  // Says no tenant: ids are unique all over the table, though no key says so.
  milestones: { rows: 150, columns: { id: serial(), project_id: ref('projects.id'), title: text() } },
}

const bank: SchemaSpec = {
  branch: {
    rows: 12,
    columns: { branch_code: code('BR'), branch_name: text(), city: text(), head: ref('employee') },
  },
  employee: {
    rows: 90,
    columns: {
      ...{ emp_id: serial(101), name: text(), branch_code: ref('branch'), grade: int(1, 6) },
      ...{ supervisor_id: ref('employee', { nulls: 0.1 }) },
    },
  },
  customer: {
    rows: 500,
    columns: {
      ...{ cust_id: serial(10001), surname: text(), relationship_manager: ref('employee') },
      ...{ country_code: pick('DE', 'FR', 'IT') },
    },
  },
  account: {
    rows: 700,
    columns: {
      ...{ account_no: code('ACC'), type: pick('C', 'S'), branch_code: ref('branch'), opened_by: ref('employee') },
    },
  },
  depositor: {
    rows: 800,
    key: ['cust_id', 'account_no'],
    columns: { cust_id: ref('customer'), account_no: ref('account') },
  },
  card: { rows: 600, columns: { card_no: code('4929'), account_no: ref('account'), holder: ref('customer') } },
  transfer: {
    rows: 3000,
    columns: { id: serial(), from_account: ref('account'), to_account: ref('account'), cents: int(1, 90000) },
  },
  loan: {
    rows: 150,
    columns: {
      ...{ loan_no: code('L'), borrower: ref('customer'), branch_code: ref('branch'), officer: ref('employee') },
      months: int(6, 360),
    },
  },
  standing_order: {
    rows: 0,
    columns: { id: serial(), from_account: ref('account'), to_account: ref('account') },
  },
}

const press: SchemaSpec = {
  users: { rows: 300, unique: ['email'], columns: { id: serial(), email: text(), name: text() } },
  user_profiles: { rows: 280, columns: { user_id: ref('users'), bio: text(), avatar: text() } },
  admins: { rows: 8, columns: { user_id: ref('users'), level: int(1, 3) } },
  articles: {
    rows: 900,
    columns: {
      ...{ id: serial(), author: ref('users'), editor_id: ref('users', { nulls: 0.4 }), created_by: ref('users') },
      ...{ updated_by: ref('users', { nulls: 0.3 }), section: ref('sections') },
    },
  },
  sections: { rows: 10, columns: { slug: code('sec-'), title: text() } },
  followers: {
    rows: 1500,
    key: ['follower_id', 'followee_id'],
    columns: { follower_id: ref('users'), followee_id: ref('users') },
  },
  messages: {
    rows: 900,
    columns: {
      ...{ id: serial(), sender_id: ref('users'), recipient_id: ref('users'), body: text() },
      ...{ reply_to_id: ref('messages', { nulls: 0.6 }) },
    },
  },
  likes: {
    rows: 2000,
    key: ['user_id', 'article_id'],
    columns: { user_id: ref('users'), article_id: ref('articles') },
  },
}

const codeHost: SchemaSpec = {
  user_account: {
    rows: 200,
    unique: ['handle'],
    columns: { id: uuid(), handle: text(), invited_by: ref('user_account', { nulls: 0.5 }) },
  },
  organization: { rows: 20, columns: { id: uuid(), title: text(), owner: ref('user_account') } },
  org_member: {
    rows: 300,
    key: ['org', 'member'],
    columns: { org: ref('organization'), member: ref('user_account'), role: pick('a', 'b') },
  },
  repo: {
    rows: 150,
    columns: { id: uuid(), org_id: ref('organization'), fork_of: ref('repo', { nulls: 0.8 }), slug: text() },
  },
  issue: {
    rows: 900,
    key: ['repo_id', 'number'],
    columns: {
      ...{ repo_id: ref('repo'), number: serial(), author: ref('user_account') },
      ...{ assignee: ref('user_account', { nulls: 0.6 }) },
    },
  },
  issue_comment: {
    rows: 2000,
    columns: {
      ...{ id: uuid(), repo_id: part('issue.repo_id'), issue_number: part('issue.number') },
      ...{ written_by: ref('user_account'), correlation: uuid() },
    },
  },
  api_token: { rows: 0, columns: { id: uuid(), user_account_id: ref('user_account') } },
}

/** Letters before each column, and keys that say all that is above them, as in TPC-C. */
const depots: SchemaSpec = {
  depot: { rows: 5, columns: { d_id: serial(), d_name: text(), d_tax: int(0, 20) } },
  zone: { rows: 50, key: ['z_d_id', 'z_id'], columns: { z_d_id: ref('depot'), z_id: int(1, 10), z_name: text() } },
  buyer: {
    rows: 1500,
    key: ['b_d_id', 'b_z_id', 'b_id'],
    columns: { b_d_id: part('zone.z_d_id'), b_z_id: part('zone.z_id'), b_id: serial(), b_name: text() },
  },
  item: { rows: 1000, columns: { i_id: serial(), i_image_id: int(1, 10000), i_name: text() } },
  supply: {
    rows: 3000,
    key: ['s_d_id', 's_i_id'],
    columns: { s_d_id: ref('depot'), s_i_id: ref('item'), s_quantity: int(10, 100) },
  },
}

/** One key for a table and for those that hold a part of its rows, as some mappers of objects write them. */
const parties: SchemaSpec = {
  party: { rows: 900, columns: { partyid: serial(), note: text() } },
  person: {
    rows: 700,
    columns: { partyid: part('party'), surname: text(), birth_name: text(), city: text() },
  },
  secret: { rows: 700, columns: { partyid: part('person'), salt: text() } },
  phone: { rows: 680, columns: { id: serial(), partyid: ref('person'), digits: text() } },
  contract: { rows: 400, columns: { id: serial(), partyid: ref('party'), cents: int(1, 9000) } },
}
/** Who did what in every table, and nearly all tables empty, as the sample of a large application is. */
const wards: SchemaSpec = {
  login: { rows: 6, columns: { login_id: serial(), handle: text(), creator: ref('login') } },
  individual: {
    rows: 5,
    columns: { individual_id: serial(), born: text(), creator: ref('login'), voided_by: ref('login', { nulls: 0.5 }) },
  },
  patient: {
    rows: 0,
    columns: { patient_id: serial(), individual_id: ref('individual'), creator: ref('login'), voided_by: ref('login') },
  },
  diagnosis: {
    rows: 40,
    columns: { diagnosis_id: serial(), label: text(), creator: ref('login'), changed_by: ref('login', { nulls: 0.4 }) },
  },
  stay_type: {
    rows: 4,
    columns: { stay_type_id: serial(), label: text(), creator: ref('login'), changed_by: ref('login') },
  },
  stay: {
    rows: 0,
    columns: {
      ...{
        stay_id: serial(),
        patient_id: ref('patient'),
        stay_type: ref('stay_type'),
        cause_diagnosis_id: ref('diagnosis'),
      },
      ...{ creator: ref('login'), changed_by: ref('login'), voided_by: ref('login') },
    },
  },
  stay_attribute_type: { rows: 0, columns: { stay_attribute_type_id: serial(), label: text(), creator: ref('login') } },
  stay_attribute: {
    rows: 0,
    columns: {
      stay_attribute_id: serial(),
      stay_id: ref('stay'),
      attribute_type_id: ref('stay_attribute_type'),
      creator: ref('login'),
    },
  },
  transfer: {
    rows: 0,
    columns: { transfer_id: serial(), stay_a_id: ref('stay'), stay_b_id: ref('stay'), changed_by: ref('login') },
  },
  finding: {
    rows: 30,
    columns: { finding_id: serial(), diagnosis_id: ref('diagnosis'), creator: ref('login'), voided_by: ref('login') },
  },
}

/** Pairs in one row, glued keys that end in English words, and what is said of each club and season. */
const league: SchemaSpec = {
  club: { rows: 24, columns: { clubid: serial(), label: text(), homegroundid: ref('ground') } },
  ground: { rows: 30, columns: { groundid: serial(), seats: int(500, 90000) } },
  room: { rows: 60, columns: { roomid: serial(), groundid: ref('ground') } },
  player: { rows: 400, columns: { playerid: serial(), surname: text(), roomid: ref('room', { nulls: 0.3 }) } },
  fixture: {
    rows: 500,
    columns: {
      fixtureid: serial(),
      club1: ref('club'),
      club2: ref('club'),
      winner_club_id: ref('club', { nulls: 0.2 }),
      score_1: int(0, 6),
      score_2: int(0, 6),
    },
  },
  duel: {
    rows: 900,
    columns: { duelid: serial(), player_id_1: ref('player'), player_id_2: ref('player'), fixtureid: ref('fixture') },
  },
  steward: { rows: 80, columns: { stewardid: serial(), surname: text() } },
  shift: {
    rows: 300,
    columns: {
      shiftid: serial(),
      steward_in_charge_id: ref('steward'),
      groundid: ref('ground'),
      write_uid: ref('app_user'),
      minutes: int(30, 400),
    },
  },
  app_user: { rows: 12, columns: { id: serial(), handle: text(), create_uid: ref('app_user') } },
}

/** Numbers as small as any key's, of things that have no table. */
const numbers: SchemaSpec = {
  customers: {
    rows: 400,
    columns: {
      ...{ id: serial(), legacy_id: serial(1), group_id: int(1, 12), region_id: int(1, 40), loyalty_no: int(1, 400) },
      ...{ segment_code: pick('A1', 'B2', 'C3'), total_orders: int(1, 30), orders: int(1, 30), max_tickets: int(1, 5) },
    },
  },
  products: {
    rows: 300,
    columns: {
      ...{ id: serial(), product_type_id: int(1, 6), supplier_ref: int(1, 55), unit_id: int(1, 9), hits: int(1, 300) },
      ...{ units_on_order: int(1, 90), units_in_stock: int(1, 60), is_store: flag(), for_order: flag() },
    },
  },
  orders: {
    rows: 900,
    columns: {
      ...{ id: serial(), customer_id: ref('customers'), order_status_id: int(1, 6), session_id: int(1, 880) },
      ...{ channel_id: int(1, 3), batch_id: int(1, 30), visits: int(1, 400) },
    },
  },
  order_items: {
    rows: 2500,
    columns: {
      ...{ id: serial(), order_id: ref('orders'), product_id: ref('products'), line_no: int(1, 6) },
      discount_code: pick('X1', 'Y2', 'Z3'),
    },
  },
  stores: { rows: 25, columns: { id: serial(), name: text(), level: int(1, 3) } },
  events: {
    rows: 2000,
    columns: { id: serial(), device_id: int(1, 700), store_id: ref('stores'), kind_id: int(1, 20) },
  },
  tickets: {
    rows: 600,
    columns: {
      ...{ id: serial(), queue_id: int(1, 27), external_ref: int(1, 590), assignee_team_id: int(1, 12) },
      customer_id: ref('customers', { dangling: 0.02 }),
    },
  },
}

/** Modules before the names of tables, glued keys that know nothing of them, and two tables of one name in two modules. */
const modules: SchemaSpec = {
  geo_gate: { rows: 90, columns: { gateid: serial(), label: text(), zonecode: ref('geo_zone') } },
  geo_zone: { rows: 14, columns: { code: code('Z'), label: text() } },
  geo_route: { rows: 300, columns: { routeid: serial(), fromgateid: ref('geo_gate'), togateid: ref('geo_gate') } },
  stock_unitofmeasure: { rows: 38, columns: { code: code('U'), label: text() } },
  stock_item: {
    rows: 420,
    columns: {
      ...{ itemid: serial(), sizeunitofmeasurecode: ref('stock_unitofmeasure'), maker: ref('trade_maker') },
      ...{ homegateid: ref('geo_gate', { nulls: 0.2 }), state_id: int(1, 5) },
    },
  },
  stock_note: { rows: 200, columns: { noteid: serial(), aboutitemid: ref('stock_item'), body: text() } },
  trade_maker: { rows: 55, columns: { id: serial(), label: text() } },
  trade_offer: {
    rows: 700,
    columns: {
      ...{ offerid: serial(), lastitemid: ref('stock_item'), priceunitofmeasurecode: ref('stock_unitofmeasure') },
      ...{ lastzonecode: ref('geo_zone'), cents: int(1, 900) },
    },
  },
  trade_note: { rows: 0, columns: { noteid: serial(), itemid: ref('stock_item'), gateid: ref('geo_gate') } },
}

/** All of them, by what is hard about them. */
export const hardSchemas: Readonly<Record<string, SchemaSpec>> = {
  'freight (keys of two columns)': freight,
  'tenants (the tenant in every key)': tenants,
  'bank (roles without a word for a key)': bank,
  'press (users under many names, tables that extend users)': press,
  'code host (UUIDs, short names)': codeHost,
  'depots (letters before columns, keys of three)': depots,
  'parties (tables that share a key)': parties,
  'wards (who did what, in empty tables)': wards,
  'league (two of a kind in one row)': league,
  'modules (a first word that some tables share)': modules,
  'numbers (many that refer to nothing)': numbers,
}

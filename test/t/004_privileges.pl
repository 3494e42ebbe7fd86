# Who may do what: the extension adds no privilege to those of the tables.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Cluster;
use Leads;

my $node = Cluster->new('privileges');
$node->query('CREATE ROLE analyst LOGIN');
$node->query('CREATE ROLE seller LOGIN');
$node->query('CREATE ROLE stranger LOGIN');
$node->query('CREATE DATABASE sales OWNER analyst');
my %analyst = (database => 'sales', user => 'analyst');
my %seller = (database => 'sales', user => 'seller');
my %stranger = (database => 'sales', user => 'stranger');

# In a schema of its own, by a role that is no superuser.
$node->query('CREATE SCHEMA scoring', %analyst);
is($node->error('CREATE EXTENSION leadscore SCHEMA scoring', %analyst), '',
	'an owner of a database creates the extension');
$node->query('ALTER DATABASE sales SET search_path = public, scoring');
$node->query('CREATE SCHEMA data AUTHORIZATION analyst; ALTER ROLE analyst SET search_path = data, scoring', %analyst);
Leads::create($node, %analyst);
Leads::create_models($node, %analyst);
my $before = Leads::fingerprint($node, %analyst);
ok($before, 'trains and scores with the extension in another schema');

# Without the schema in the search_path, every name qualified.
is($node->query(q{
	SET search_path = '';
	SELECT count(*) FROM data.leads l, data.models m
	WHERE scoring.lead_score(m.model, l) BETWEEN 0 AND 1}, %analyst), 2000, 'and with an empty search_path');

# A hostile schema in front: functions and operators of the same names.
is($node->query(q{
	CREATE SCHEMA hostile;
	CREATE FUNCTION hostile.boom(float8, float8) RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'hostile'; END $$;
	CREATE OPERATOR hostile.= (FUNCTION = hostile.boom, LEFTARG = float8, RIGHTARG = float8);
	CREATE OPERATOR hostile.* (FUNCTION = hostile.boom, LEFTARG = float8, RIGHTARG = float8);
	SET search_path = hostile, pg_catalog;
	SELECT count(scoring.lead_summary(model)) + count(scoring.lead_info(model)) FROM data.models}, %analyst),
	2, 'a hostile search_path changes nothing');

# A role with USAGE and SELECT scores; what it must not read it cannot score.
$node->query(q{
	GRANT USAGE ON SCHEMA scoring, data TO seller;
	GRANT SELECT ON data.leads, data.models TO seller;
	ALTER TABLE data.leads ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON data.leads TO seller USING (id % 10 = 0);
	GRANT USAGE ON SCHEMA scoring, data TO stranger;
	GRANT SELECT ON data.models TO stranger}, %analyst);
is($node->query('SELECT count(scoring.lead_score(model, l)) FROM data.leads l, data.models', %seller), 200,
	'SELECT and EXECUTE are enough to score, and row security holds');
like($node->error('SELECT scoring.lead_score(model, l) FROM data.leads l, data.models', %stranger),
	qr/permission denied for table leads/, 'no SELECT on the leads, no scores');
like($node->error('DROP EXTENSION leadscore', %seller), qr/must be owner/, 'no right to drop it');

# A single column is not the whole row.
$node->query('GRANT SELECT (id, city, clicks) ON data.leads TO stranger', %analyst);
like($node->error('SELECT scoring.lead_score(model, l) FROM data.leads l, data.models', %stranger),
	qr/permission denied for table leads/, 'SELECT on some columns is not SELECT on the row');

# EXECUTE taken away.  The functions of a trusted extension belong to the
# bootstrap superuser, whoever created it.
my %owner = (database => 'sales');
$node->query('ALTER TABLE data.leads DISABLE ROW LEVEL SECURITY', %analyst);
$node->query('REVOKE EXECUTE ON FUNCTION scoring.lead_score(bytea, record) FROM PUBLIC', %owner);
like($node->error('SELECT scoring.lead_score(model, l) FROM data.leads l, data.models', %seller),
	qr/permission denied for function lead_score/, 'REVOKE EXECUTE holds');
$node->query('GRANT EXECUTE ON FUNCTION scoring.lead_score(bytea, record) TO seller', %owner);
is($node->query('SELECT count(scoring.lead_score(model, l)) FROM data.leads l, data.models', %seller), 2000,
	'GRANT EXECUTE gives it back');

done_testing();

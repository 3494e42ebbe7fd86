# leadscore serve: its answers are those of the database, and what openapi.json says.
use strict;
use warnings;
use lib 'test/t/lib';
use JSON::PP ();
use Test::More;
use Cluster;
use Leads;
use Schema;
use Service;

plan skip_all => 'the program was built without serve' if !Service->available;

my $node = Cluster->new('serve');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::train($node);
$node->query(q{
	CREATE ROLE web LOGIN;
	SELECT lead_grant('web', 'reader');
	SELECT lead_train_model('sales', 'leads', 'won', key => 'id', features => '{clicks,visits}', gate => '{"promote": "never"}');
	SELECT lead_promote('sales', 2, 'challenger');
	SELECT lead_train_model('half / half @é'::text, 'leads', 'won', key => 'id') WHERE false;
	SELECT lead_train_model('Ünï / "x" \ <b>', 'leads', 'won', key => 'id', options => '{"family": "forest", "trees": 10}');
	SELECT lead_train_model('no grades', 'leads', 'won', key => 'id', holdout => '{"by": "none"}', options => '{"columns": {"city": {"unseen": "error"}}}');
	CREATE TABLE decisions (decided_at timestamptz, who text, remote text, key text, model text, version int, score float8, grade text);
	GRANT INSERT ON decisions TO web});
my $tokens = $node->dir . '/tokens';
sub write_tokens { open my $f, '>', $tokens or die; print $f @_; close $f; chmod 0600, $tokens; }
write_tokens("# who may ask\n\nwebsite 0123456789abcdef0123\nsecret-without-a-name\n");

my $service = Service->new($node, user => 'web', options => [
	'--token-file', $tokens, '--max-batch', 500, '--pool', 2, '--decision-log', 'decisions', '--decision-key', 'id']);
my %auth = (Authorization => 'Bearer 0123456789abcdef0123');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $schema = Schema->new($service->get('/openapi.json')->{json});

# One answer: its status, and whether it is as described.
sub answers
{
	my ($method, $template, $path, $body, $status, $name, %headers) = @_;
	my $answer = $method eq 'GET' ? $service->get($path, %auth, %headers) : $service->post($path, $body, %auth, %headers);
	is($answer->{status}, $status, $name) or diag($answer->{text});
	is($schema->answer($method, $template, $answer), '', "$name: as described") or diag($answer->{text});
	return $answer;
}
my $score = '/v1/models/{model}/score';
my $explain = '/v1/models/{model}/explain';

# ---- the same numbers as in SQL ----

my $lead = $json->decode($node->query('SELECT to_jsonb(l) FROM leads l WHERE id = 77'));
my $answer = answers('POST', $score, '/v1/models/sales/score', $lead, 200, 'a lead');
is_deeply([ map { $answer->{json}{$_} } qw(model version) ], [ 'sales', 1 ], 'model and version');
is($answer->{text} =~ /"score":([^,]+),/ ? $1 : '', $node->query(q{SELECT lead_score('sales', to_jsonb(l)) FROM leads l WHERE id = 77}),
	'its score, digit for digit');
is($answer->{json}{grade}, $node->query(q{SELECT lead_grade(lead_score('sales', to_jsonb(l)), lead_grade_cuts('sales')) FROM leads l WHERE id = 77}),
	'and its grade');

my $all = $node->query(q{SELECT jsonb_agg(to_jsonb(l) ORDER BY id DESC) FROM leads l WHERE id <= 500});
$answer = answers('POST', $score, '/v1/models/sales/score', $all, 200, 'an array');
is(join(' ', $answer->{text} =~ /"score":([^,]+),"grade":"(.)"/g),
	$node->query(q{SELECT string_agg(lead_score('sales', to_jsonb(l)) || ' ' || lead_grade(lead_score('sales', to_jsonb(l)), c), ' ' ORDER BY id DESC)
		FROM leads l, lead_grade_cuts('sales') c WHERE id <= 500}), 'all its scores and grades, in order');
$answer = answers('POST', $score, '/v1/models/sales/score', '[]', 200, 'an empty array');
is_deeply($answer->{json}{scores}, [], 'has no scores');

$answer = answers('POST', $score, '/v1/models/sales/score?reasons=2', [ $lead, $lead ], 200, 'with reasons');
is($answer->{json}{scores}[1]{reasons}, $node->query(q{SELECT lead_reasons('sales', to_jsonb(l), 2) FROM leads l WHERE id = 77}), 'those of lead_reasons()');
$answer = answers('POST', $explain, '/v1/models/sales/explain', $lead, 200, 'an explanation');
is(join("\n", map { "$_->{column}|$_->{value}|" . sprintf '%.9f', $_->{contribution} } @{ $answer->{json}{contributions} }, { column => '(average lead)', value => '', contribution => $answer->{json}{average} }),
	$node->query(q{SELECT "column", value, round(contribution::numeric, 9) FROM leads l, lead_explain('sales', to_jsonb(l)) WHERE id = 77}), 'that of lead_explain()');

foreach my $case ([ 'sales@1', 1 ], [ 'sales@2', 2 ], [ 'sales@challenger', 2 ])
{
	$answer = answers('POST', $score, "/v1/models/$case->[0]/score", $lead, 200, $case->[0]);
	is($answer->{json}{version}, $case->[1], "$case->[0] is version $case->[1]");
	is($answer->{text} =~ /"score":([^,]+),/ ? $1 : '', $node->query("SELECT lead_score('$case->[0]', to_jsonb(l)) FROM leads l WHERE id = 77"), 'and its score');
}
my $odd = '%C3%9Cn%C3%AF%20%2F%20%22x%22%20%5C%20%3Cb%3E';
$answer = answers('POST', $score, "/v1/models/$odd/score", $lead, 200, 'a name of all kinds of letters');
is($answer->{json}{model}, "\x{dc}n\x{ef} / \"x\" \\ <b>", 'is the name in the answer');
answers('POST', $explain, "/v1/models/$odd/explain", $lead, 200, 'a forest explained');
$answer = answers('POST', $score, '/v1/models/no%20grades/score', $lead, 200, 'a model without held-out leads');
is($answer->{json}{grade}, undef, 'has no grades');

# ---- a promotion is seen by the next request ----

$node->query(q{SELECT lead_promote('sales', 2)});
is($service->post('/v1/models/sales/score', $lead, %auth)->{json}{version}, 2, 'promoted');
$node->query(q{SELECT lead_rollback('sales')});
is($service->post('/v1/models/sales/score', $lead, %auth)->{json}{version}, 1, 'rolled back');

# ---- what is told of models ----

$answer = answers('GET', '/v1/models', '/v1/models', undef, 200, 'the models');
is_deeply([ grep { $_->{model} eq 'sales' } @{ $answer->{json}{models} } ],
	[ { model => 'sales', description => undef, champion => 1, aliases => { champion => 1, challenger => 2 }, versions => [ 1, 2 ] } ], 'what is live, and what there is');
$answer = answers('GET', '/v1/models/{model}', '/v1/models/sales', undef, 200, 'a model');
is(join(' ', map { "$_->{column}:$_->{type}" } @{ $answer->{json}{columns} }), 'city:text clicks:integer visits:numeric', 'its columns and their types');
is_deeply($answer->{json}{columns}[0]{levels}, [ 'Chennai', 'Delhi', 'Mumbai', 'Pune' ], 'its levels');

# ---- what is wrong with a request ----

sub without { my ($key) = @_; my %copy = %$lead; delete $copy{$key}; return \%copy; }
my @wrong = (
	[ 400, 'missing_column', 'sales', without('city'), 'city' ],
	[ 400, 'wrong_type', 'sales', { %$lead, clicks => '7' }, 'clicks' ],
	[ 400, 'wrong_type', 'sales', { %$lead, city => [] }, 'city' ],
	[ 400, 'invalid_value', 'sales', '{"city": null, "clicks": 1e400, "visits": 1}', 'clicks' ],
	[ 400, 'invalid_value', 'no%20grades', { %$lead, city => 'Atlantis' }, 'city' ],
	[ 400, 'not_an_object', 'sales', '5' ], [ 400, 'not_an_object', 'sales', '[5]' ], [ 400, 'not_an_object', 'sales', '"x"' ],
	[ 400, 'invalid_json', 'sales', '{"city": ' ], [ 400, 'invalid_json', 'sales', '{"city": "\u0000"}' ],
	[ 400, 'empty_body', 'sales', '' ], [ 400, 'empty_body', 'sales', "  \n" ],
	[ 404, 'unknown_model', 'nobody', $lead ], [ 404, 'unknown_model', 'nobody@3', $lead ],
	[ 404, 'unknown_version', 'sales@99', $lead ], [ 404, 'unknown_alias', 'sales@nobody', $lead ],
	[ 400, 'invalid_model', 'sales@', $lead ], [ 400, 'invalid_model', 'sales@0', $lead ], [ 400, 'invalid_model', '@x', $lead ],
	[ 413, 'batch_too_large', 'sales', [ ($lead) x 501 ] ]);
foreach my $case (@wrong)
{
	my ($status, $code, $model, $body, $column) = @$case;
	$answer = answers('POST', $score, "/v1/models/$model/score", $body, $status, "$code by $model");
	is($answer->{code}, $code, "is $code");
	is($answer->{json}{column}, $column, 'and names the column');
	next if $code eq 'batch_too_large';
	$answer = answers('POST', $explain, "/v1/models/$model/explain", $body, $status, "$code when explained");
	is($answer->{code}, $code, "is $code");
}
$answer = $service->post('/v1/models/sales/score', [ $lead, $lead, without('visits') ], %auth);
is("$answer->{code} $answer->{json}{column} $answer->{json}{document}", 'missing_column visits 3', 'an array: which document');
is($service->post('/v1/models/sales/explain', [$lead], %auth)->{code}, 'not_an_object', 'an array is not explained');
foreach my $query ('reasons=x', 'reasons=-1', 'reasons=101', 'reasons', 'reasons=', 'limit=1', 'key=%00')
{
	is($service->post("/v1/models/sales/score?$query", $lead, %auth)->{code}, 'invalid_parameter', "?$query");
}
is($service->post('/v1/models/sales/score', $lead, %auth, 'Content-Type' => $_)->{code}, 'unsupported_media_type', "as $_")
	foreach 'text/plain', 'application/jsonx', 'application/json; charset=latin1', 'application/x-www-form-urlencoded';
is($service->post('/v1/models/sales/score', $lead, %auth, 'Content-Type' => $_)->{status}, 200, "as $_")
	foreach 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"';
is($service->post('/v1/models/sales/score', $lead, %auth, 'Content-Encoding' => 'gzip')->{code}, 'unsupported_media_type', 'compressed');
$answer = $service->get('/v1/models/sales/score', %auth);
is("$answer->{code} $answer->{headers}{allow}", 'method_not_allowed POST', 'GET of a score');
is($service->request($_, '/v1/models', '', %auth)->{code}, 'method_not_allowed', $_) foreach qw(POST PUT DELETE PATCH OPTIONS);
is($service->get($_, %auth)->{code}, 'not_found', $_) foreach '/nothing', '/v1', '/v1/models/', '/v1/models//score', '/v1/models/a/b', '/v1/models/sales/score/', '/favicon.ico';

# ---- who may ask ----

is($service->post('/v1/models/sales/score', $lead)->{code}, 'unauthorized', 'without a token');
$answer = $service->get('/v1/models', Authorization => 'Bearer 0123456789abcdef0124');
is("$answer->{code} $answer->{headers}{'www-authenticate'}", 'unauthorized Bearer', 'with a wrong one');
is($service->get('/v1/models', Authorization => $_)->{code}, 'unauthorized', "with '$_'")
	foreach 'Bearer', 'Bearer ', 'Bearer 0123456789abcdef012', 'Bearer 0123456789abcdef01234', 'Basic 0123456789abcdef0123', 'Bearer website';
is($service->get('/metrics')->{code}, 'unauthorized', 'nor are there metrics');
is($service->get('/v1/models', Authorization => 'bearer   secret-without-a-name')->{status}, 200, 'another token');
is($service->get($_)->{status}, 200, "$_ is for everybody") foreach '/', '/page.js', '/page.css', '/healthz', '/readyz', '/openapi.json';
write_tokens("\xEF\xBB\xBFnew-token-of-the-website\r\n");
kill 'HUP', $service->{pid};
my $end = time + 10;
Time::HiRes::sleep(0.05) while time < $end && $service->log !~ /tokens_read/;
is($service->get('/v1/models', %auth)->{code}, 'unauthorized', 'SIGHUP: the old token is gone');
%auth = (Authorization => 'Bearer new-token-of-the-website');
is($service->get('/v1/models', %auth)->{status}, 200, 'and the new one counts');
write_tokens("short\n");
kill 'HUP', $service->{pid};
Time::HiRes::sleep(0.05) while time < $end && $service->log !~ /tokens_not_read/;
is($service->get('/v1/models', %auth)->{status}, 200, 'a file of no use changes nothing');

# ---- numbers about it ----

$service->post('/v1/models/sales/score?key=lead-5', without('id'), %auth);
my $metrics = answers('GET', '/metrics', '/metrics', undef, 200, 'metrics')->{text};
my (%type, @strange);
foreach my $line (split /\n/, $metrics)
{
	next if $line =~ /^# HELP leadscore_\w+ \S/;
	if ($line =~ /^# TYPE (\w+) (counter|gauge|histogram)$/) { $type{$1} = $2; next; }
	my ($name) = $line =~ /^(leadscore_\w+)(?:\{\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*\})? (?:\d+(?:\.\d+)?(?:e[-+]\d+)?)$/ or push @strange, $line;
	(my $family = $name // '') =~ s/_(bucket|sum|count)$//;
	push @strange, "no TYPE: $line" if $name && !$type{$name} && ($type{$family} // '') ne 'histogram';
}
is(join("\n", @strange), '', 'are in the format of Prometheus');
like($metrics, qr/^leadscore_score_count\{model="sales",version="1"\} (\d{3,})$/m, 'scores by version');
like($metrics, qr/^leadscore_score_count\{model="Ünï \/ \\"x\\" \\\\ <b>",version="1"\} 2$/m, 'a name with quotes is escaped');
unlike($metrics, qr/nobody/, 'a name that does not exist is no label');
like($metrics, qr/^leadscore_errors_total\{code="missing_column"\} 3$/m, 'errors by code');
like($metrics, qr/^leadscore_requests_total\{route="score",status="404"\} 4$/m, 'requests by route and status');

# ---- what is remembered of it ----

is($service->stop('TERM'), 0, 'stops');
is($node->query(q{SELECT count(*), count(DISTINCT key), min(grade), max(version) FROM decisions WHERE model = 'sales' AND key ~ '^\d+$'}),
	'511|500|A|2', 'the decisions are there, with the leads\' keys');
is($node->query(q{SELECT who, remote, model, version, round(score::numeric, 3) = round(lead_score('sales', to_jsonb(l))::numeric, 3), decided_at BETWEEN now() - interval '10 min' AND now()
	FROM decisions, leads l WHERE key = 'lead-5' AND id = 77}), 'token 1|127.0.0.1|sales|1|t|t', 'a key from the address');
is($node->query(q{SELECT DISTINCT who FROM decisions WHERE key = '77' ORDER BY 1}), 'website', 'who asked');
unlike($service->log, qr/Delhi|Mumbai|Pune|Atlantis|lead-5|0123456789abcdef/, 'the log has nothing of a lead, nor a token');
my @lines = map { $json->decode($_) } split /\n/, $service->log;
my ($line) = grep { ($_->{path} // '') eq '/v1/models/sales@2/score' } @lines;
is_deeply([ @$line{qw(event method status version documents who remote)} ], [ 'request', 'POST', 200, 2, 1, 'website', '127.0.0.1' ], 'a line of the log');

# ---- leads in the log, fixed grades ----

$service = Service->new($node, user => 'web', options => [ '--log-leads', '--grades', '{"cuts": [0.1, 0.2, 0.3]}' ]);
%auth = ();
$answer = answers('POST', $score, '/v1/models/no%20grades/score', $lead, 200, 'without tokens, fixed grades');
is($answer->{json}{grade}, $node->query(q{SELECT lead_grade(lead_score('no grades', to_jsonb(l)), '{0.1,0.2,0.3}') FROM leads l WHERE id = 77}), 'which every version has');
is($service->stop('INT'), 0, 'stops by Ctrl-C');
like($service->log, qr/"body":"\{\\"city\\":/, 'the lead is in the log when asked for');

# ---- what it does not start with ----

my @under;
sub refuses
{
	my ($status, $like, $name, @options) = @_;
	my @command = (@under, Service::command($node, options => \@options));
	my $pid = open my $out, '-|';
	if ($pid == 0) { open STDERR, '>&', \*STDOUT; open STDIN, '<', '/dev/null'; exec @command; }
	my $text = do { local $/; <$out> };
	close $out;
	is($? >> 8, $status, $name) or diag($text);
	like($text, $like, "$name: says why");
}
refuses(2, qr/other machines/, 'no address for all without a token', '--listen', '0.0.0.0:0');
refuses(2, qr/HOST:PORT/, 'no port', '--listen', '127.0.0.1');
refuses(4, qr/No such file/, 'no token file', '--token-file', '/nowhere/tokens');
chmod 0644, $tokens;
refuses(4, qr/others may read/, 'a token file for everybody', '--token-file', $tokens);
refuses(2, qr/--pool must be/, 'no pool', '--pool', 0);
@under = qw(prlimit --nofile=40:40);
refuses(2, qr/need 1066 open files, but only 40 are allowed/, 'fewer open files than clients', '--pool', 2);
@under = ();
refuses(1, qr/grades/, 'grades that are none', '--grades', '{"cuts": [3]}');
refuses(1, qr/there is no table "nothing"/, 'no table for decisions', '--decision-log', 'nothing');
refuses(1, qr/cannot be written/, 'a table of other columns', '--decision-log', 'leads');
refuses(3, qr/connection|database/, 'no database', '-d', 'nothing');
refuses(1, qr/has no leadscore/, 'a database without the extension', '-d', 'template1');

done_testing();

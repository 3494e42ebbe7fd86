# leadscore serve and clients that mean no good: every answer is JSON with a code,
# none is the service's fault, and it lives on.
use strict;
use warnings;
use lib 'test/t/lib';
use JSON::PP ();
use Test::More;
use Time::HiRes ();
use Cluster;
use Leads;
use Service;

plan skip_all => 'the program was built without serve' if !Service->available;
$SIG{PIPE} = 'IGNORE';

my $node = Cluster->new('hostile');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::train($node);
my $service = Service->new($node, options => [ '--pool', 3, '--max-body', 1_000_000, '--read-timeout', 4, '--max-connections', 600 ]);
my $good = '{"city": "Pune", "clicks": 3, "visits": 1.5}';
my $path = '/v1/models/sales/score';
my $json = JSON::PP->new->utf8;
my $pids = $node->query(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'});

# ---- bodies ----

sub nested { my ($open, $close, $n) = @_; return $open x $n . '1' . $close x $n; }
my @bodies = (
	# malformed
	'{', '}', '[', ']', '[[', '{]', '[}', '{"a"}', '{"a":}', '{:1}', '{"a":1,}', '[1,]', '[,1]', '{,}', '{"a" 1}', '{a:1}', "{'a':1}",
	'{"a":1}{"b":2}', "$good,$good", "$good],[$good", '[' . $good . '],[' . $good . ']', "$good x", "x$good", '//', '/* */', '#', '<a/>', 'null', 'true', 'false', 'NaN', 'Infinity',
	'-', '+1', '01', '1.', '.5', '1e', '0x10', '1_000', '"', '"\\', '"\\x"', '"\\u12"', "\"\t\"", "\"\n\"", 'nul', 'truee', 'undefined',
	# types
	'5', '-0', '"text"', '[]', '[[]]', '[[[]]]', '[null]', '[true]', '["x"]', '{}', '[{}]', "[$good,null]", "[$good,[$good]]",
	(map { my $v = $_; map { qq({"city": "Pune", "clicks": 3, "visits": 1.5, "$_": $v}) } qw(city clicks visits) }
		'5', '"5"', 'true', '[]', '{}', '[5]', '{"a": 5}', '""', '" "', '"1e400"', '1e400', '-1e400', '1e-400', '1e309', '1e99999', '1e999999999', '-1e131072', '1e131071',
		'9' x 400, '0.' . '1' x 5000, '1' . '0' x 20000, '9' x 140000, '-0', '1E5', '12345678901234567890', '0.1e-320'),
	# keys
	'{"city": "Pune", "city": 5, "clicks": 3, "visits": 1.5}', '{"city": 5, "city": "Pune", "clicks": 3, "visits": 1.5}', '{"": 1}', '{"city": "Pune", "clicks": 3, "visits": 1.5, "": null}',
	'{"CITY": "Pune", "clicks": 3, "visits": 1.5}', '{"city ": "Pune", "clicks": 3, "visits": 1.5}', '{"c\\u0069ty": "Pune", "clicks": 3, "visits": 1.5}',
	'{' . join(',', map { qq("k$_":$_) } 1 .. 20000) . '}', '{"' . 'k' x 100000 . '": 1}',
	# depth
	nested('[', ']', 50), nested('[', ']', 2000), nested('[', ']', 3000), nested('[', ']', 100000), '[' x 400000, '{"a":' x 100000, nested('{"a":', '}', 3000), '[' x 2040, '{"a":' x 2040, '[' x 2040 . 'x', '[' x 3000,
	'{"city": ' . nested('[', ']', 20000) . '}', '[' x 20000 . $good . ']' x 20000,
	# text
	map({ my $t = $_; map { sprintf $_, $t } '{"city": "%s", "clicks": 3, "visits": 1.5}', '{"%s": 1}', '["%s"]' }
		'\\u0000', 'a\\u0000b', '\\ud800', '\\udc00', '\\ud800\\ud800', '\\udc00\\ud800', '\\ud83d\\ude00', '\\uffff', "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98\x80",
		"\x01", "\x7f", "\x1b[31m", 'x' x 100000, "\xc3\xa9" x 50000, '\\"', "'; DROP TABLE leads; --", '$1', '%s%n%s', '{}', '\\\\', "\\\\\\\\x00", '\\ufeff'),
	"\0", "\0$good", "$good\0", "{\"city\"\0: 1}", "\xef\xbb\xbf$good", "\xff\xfe{\0}\0", "\x1f\x8b\x08", "\r\n$good\r\n", "\x0b$good", "\xa0$good",
	join("\xff", split //, $good), 'x' x 900_000, '[' . join(',', ($good) x 1000) . ']', '[' . join(',', ($good) x 1001) . ']', ' ' x 900_000, '[' . ' ' x 900_000,
);
my ($asked, %codes, @bad) = (0);
foreach my $body (@bodies)
{
	foreach my $where ("$path", "$path?reasons=3", '/v1/models/sales/explain')
	{
		my $answer = $service->post($where, $body);
		$asked++;
		$codes{ $answer->{code} // $answer->{status} }++;
		my $fine = $answer->{status} == 200 ? ref $answer->{json} eq 'HASH' && exists $answer->{json}{version} :
			$answer->{status} =~ /^4/ && $answer->{json} && $answer->{code} && $answer->{json}{message};
		# of what the service is made of nothing is told
		$fine = 0 if $answer->{text} =~ /jsonb?\b(?! object)(?<!a JSON )|pg_catalog|SELECT|libpq|\.c:\d|Token|postgres/ && $answer->{text} !~ /valid JSON/;
		push @bad, substr($body, 0, 60) . " at $where: $answer->{status} $answer->{text}" if !$fine;
	}
}
is(join("\n", @bad), '', "$asked bodies, each answered as it should");
cmp_ok($asked, '>', 600, 'hundreds of them');
cmp_ok($codes{$_} // 0, '>', 0, "$_ among them") foreach qw(200 invalid_json not_an_object missing_column wrong_type invalid_value too_deep batch_too_large empty_body);
is($service->post($path, '{"city": "Pune", "clicks": 3, "visits": 1.5, "x": "' . '\\u00e9' x 10 . '", "city": "Delhi"}')->{json}{score},
	$service->post($path, '{"city": "Delhi", "clicks": 3, "visits": 1.5}')->{json}{score}, 'of a key given twice the last counts');

# several at the same time become one statement: nobody reaches into another's
{
	my @want = map { $service->post($path, $_)->{text} } my @mixed = ($good, '{"city": "Delhi", "clicks": 9, "visits": 0}', "$good,$good", "$good],[$good", '{"city": 5}', '[1', '{}', '{"city": "Chennai", "clicks": 0, "visits": 20}');
	my @children;
	foreach my $child (0 .. 7)
	{
		my $pid = fork // die;
		if ($pid == 0)
		{
			delete $service->{ua};
			my $wrong = grep { my $i = ($_ + $child) % @mixed; $service->post($path, $mixed[$i])->{text} ne $want[$i] } 1 .. 150;
			POSIX::_exit($wrong > 0);
		}
		push @children, $pid;
	}
	my $wrong = 0;
	foreach (@children) { waitpid $_, 0; $wrong++ if $?; }
	is($wrong, 0, 'good and bad ones at the same time: to everyone his own');
}

# ---- size ----

my $answer = $service->post($path, 'x' x 1_000_001);
is("$answer->{status} $answer->{code}", '413 body_too_large', 'a byte too many');
my $chunk = sprintf("%x\r\n", 100_000) . 'x' x 100_000 . "\r\n";
my $head = "POST $path HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
sub code_of
{
	my ($text) = @_;
	my ($status) = $text =~ m{^HTTP/1.1 (\d+)};
	my ($code) = $text =~ /"code":"(\w+)"/;
	return ($status // 'nothing') . ' ' . ($code // '');
}
is(code_of($service->raw("${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" . $chunk x 11 . "0\r\n\r\n")), '413 body_too_large', 'too many chunks');
like($service->raw("${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" . join('', map { "1\r\n$_\r\n" } split //, $good) . "0\r\n\r\n"), qr/200 OK.*"score"/s, 'a chunk for each byte');
is(code_of($service->raw("${head}Content-Length: 99999999999\r\n\r\n", 3)), '413 body_too_large', 'a length too large is not waited for');
like($service->raw("${head}Content-Length: " . length($good) . "\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n$good"), qr/^(?:HTTP.1.1 100 Continue\s+)?HTTP.1.1 200 OK.*"score"/s, '100-continue, which may be left out where the body is there');

# ---- paths and methods ----

my @paths = ('/v1/models/%00/score', '/v1/models/a%00b/score', '/v1/models/%/score', '/v1/models/%zz/score', '/v1/models/%ff/score', '/v1/models/%c0%80/score', '/v1/models/../../etc/passwd',
	'/../../etc/passwd', '/v1/models/..%2f..%2fetc/score', '/v1/models/' . 'x' x 5000 . '/score', '/v1/models/' . '%41' x 2000 . '/score', '/v1/models/sales%40/score', '/v1/models/sales%40%40/score',
	'/v1/models/sales@1@2/score', '/v1/models/sales@-1/score', '/v1/models/sales@99999999999/score', '/v1/models/sales@1e3/score', '/v1/models/%27%3B%20DROP%20TABLE%20leads/score', '/v1/models/%5cx00/score',
	'/v1/models/%e2%80%ae/score', '/v1/models/%f0%9f%98%80/score', '/v1/models/%20/score', '/v1/models/sales/score/..', '/v1/models/sales/score%00', '/v1/models/sales%2fscore', '//v1/models', '/v1//models', '/v1/models/%0a/score',
	'/V1/models/sales/score', '/v1/models/SALES/score', '/%76%31/models', '/page.js/', '/page.html', '/index.html', '/openapi.json%00', '/?x', '/healthz/', '/v1/models/./score');
@bad = ();
foreach my $where (@paths)
{
	my $text = $service->raw("POST $where HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " . length($good) . "\r\nConnection: close\r\n\r\n$good", 5);
	push @bad, "$where: $text" if $text !~ m{^HTTP/1.1 (40[045])} || $text !~ /\{"code":"(?:invalid_path|not_found|unknown_\w+|invalid_model|method_not_allowed)","message":"/;
}
is(join("\n", @bad), '', @paths . ' paths lead nowhere, and say so');
@bad = ();
foreach my $method (qw(GET HEAD PUT DELETE PATCH OPTIONS TRACE CONNECT PROPFIND BREW), 'x' x 100)
{
	my $text = $service->raw("$method $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 5);
	push @bad, "$method: $text" if $text !~ m{^HTTP/1.1 405.*^Allow: POST}ms;
}
is(join("\n", @bad), '', 'methods that there are not');

# ---- what is hardly HTTP: an answer or none, but no harm ----

my @garbage = ("\r\n\r\n", 'GET', "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\0" x 1000, "\xff" x 1000, 'A' x 100_000, "GET / HTTP/1.1\r\n" . 'X: y' . 'z' x 100_000,
	"GET / HTTP/1.1\r\n" . "X: y\r\n" x 5000 . "\r\n", "${head}Content-Length: -1\r\n\r\n", "${head}Content-Length: 5, 6\r\n\r\nxxxxx", "${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxxx",
	"${head}Content-Length: 0x10\r\n\r\n", "${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n", "${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "${head}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
	"${head}Transfer-Encoding: gzip\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "GET  /  HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n folded: x\r\n\r\n", "GET / HTTP/1.1\r\n: empty\r\n\r\n", "GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "${head}Content-Length: 10\r\n\r\nabc");
foreach my $bytes (@garbage)
{
	my $socket = $service->connect;
	syswrite $socket, $bytes;
	shutdown $socket, 1;
	my $text = Service::read_all($socket, 5);
	push @bad, substr($bytes, 0, 50) . ": $text" if $text =~ m{^HTTP/1\.\d 5} && $text !~ m{^HTTP/1\.\d 50[15]};
}
is(join("\n", @bad), '', @garbage . ' times what is no request');
ok($service->alive, 'and it lives');

# ---- requests one behind the other, without waiting ----

my $one = "${head}Content-Length: " . length($good) . "\r\n\r\n$good";
my $text = $service->raw($one x 50 . "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 20);
is(scalar(() = $text =~ /"score":/g), 50, 'fifty requests in one go, fifty answers');
like($text, qr/"alive"\}\s*\z/, 'in their order');

# ---- a body whose length is told in two ways ends the connection ----

my $hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
my $size = length $good;
foreach my $fields ("Content-Length: $size\r\nContent-Length: " . ($size + length $hidden), "Content-Length: " . ($size + length $hidden) . "\r\nContent-Length: $size",
	"Content-Length: $size\r\nTransfer-Encoding: chunked", 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: xchunked', "Transfer-Encoding : chunked\r\nContent-Length: $size",
	"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")
{
	my $text = $service->raw("$head$fields\r\n\r\n$good$hidden", 3);
	# or by the library itself, which from 1.0 on refuses some of these before the service sees them
	ok($text =~ m{^HTTP/1\.1 (?:400.*"code":"unclear_length"|(?:400|501).*\r\nConnection: close\r\n.*<html>)}s && $text !~ /alive/, $fields =~ s/\r\n/, /r) or diag $text;
}

# ---- slow ones ----

my @slow = map { $service->connect } 1 .. 300;
syswrite $_, "POST $path HTTP/1.1\r\nHost: x\r\n" foreach @slow[ 0 .. 149 ];
syswrite $_, "${head}Content-Length: 1000\r\n\r\n{" foreach @slow[ 150 .. 299 ];
my ($worst, $began) = (0, Time::HiRes::time());
my $served = 0;
while (Time::HiRes::time() - $began < 5)
{
	my $from = Time::HiRes::time();
	$served++ if $service->post($path, $good)->{status} == 200;
	my $took = Time::HiRes::time() - $from;
	$worst = $took if $took > $worst;
	# a byte a second
	if ($served % 50 == 0) { syswrite $_, 'x' foreach @slow; Time::HiRes::sleep(0.3); }
}
cmp_ok($served, '>', 100, 'three hundred slow clients do not keep others waiting');
my ($closed, $told) = (0, 0);
foreach my $socket (@slow)
{
	my $text = Service::read_all($socket, 5);
	$closed++;
	$told++ if code_of($text) eq '408 request_timeout';
}
cmp_ok($told, '>=', 290, 'they are told that they were too slow');
@slow = ();
# one that does not read its answers
my $deaf = $service->connect;
$deaf->blocking(0);
my $many = "POST $path?reasons=14 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " . (2 + 1000 * (1 + length $good) - 1) . "\r\n\r\n[" . join(',', ($good) x 1000) . ']';
syswrite $deaf, $many foreach 1 .. 5;
ok($service->alive, 'one that does not read keeps nobody from it');
close $deaf;

# ---- nothing is left behind ----

ok($node->poll(q{SELECT count(*) <= 4 FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = 'leadscore'}, 't'), 'no more connections than asked for');
ok($service->alive, 'it has lived through it');
is($service->stop('TERM'), 0, 'and stops as it should');
my @lines = map { eval { $json->decode($_) } // 'broken' } split /\n/, $service->log;
is(scalar(grep { !ref } @lines), 0, 'every line of its log is JSON');
is(scalar(grep { ref && ($_->{status} // 0) >= 500 } @lines), 0, 'none tells of an error of its own');

done_testing();

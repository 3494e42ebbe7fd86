# Leads: the table and the models that the server tests share.
package Leads;

use strict;
use warnings;

# leads(id, city, clicks, visits, won): `rows` of them, made by arithmetic alone.
sub create
{
	my ($node, %how) = @_;
	my $rows = $how{rows} || 2000;
	$node->query(qq{
		CREATE TABLE leads AS
		SELECT i AS id,
			('{Delhi,Mumbai,Pune,Chennai,NULL}'::text[])[1 + i * 7 % 5] AS city,
			i * 31 % 11 AS clicks,
			CASE WHEN i % 13 > 0 THEN (i * 17 % 101) / 4.0 END AS visits,
			i * 31 % 11 + i * 7 % 5 + i * 7919 % 23 > 18 AS won
		FROM generate_series(1, $rows) AS i;
		ANALYZE leads}, %how{qw(database user)});
}

my $options = q('{"exclude": ["id"]}');

sub create_models
{
	my ($node, %how) = @_;
	$node->query(qq{
		CREATE TABLE models AS
		SELECT lead_train(won, l, $options) AS model, lead_frame(won, l, $options) AS frame
		FROM leads l}, %how{qw(database user)});
}

# The model 'sales' of the registry, its first version live.
sub train
{
	my ($node, %how) = @_;
	return $node->query(q{SELECT version FROM lead_train_model('sales', 'leads', 'won', key => 'id')},
		%how{qw(database user)});
}

# Everything that must not change, as one line: the bytes of model and frame,
# and every score to the last bit.
sub fingerprint
{
	my ($node, %how) = @_;
	return $node->query(q{
		SELECT md5(model), md5(frame::text), md5(leadframe_send(frame)),
			(SELECT md5(string_agg(float8send(lead_score(m.model, l))::text, ',' ORDER BY id)) FROM leads l)
		FROM models m}, %how{qw(database user)});
}

1;

-- Fits of a small set made here by integer arithmetic, against R and scikit-learn.
--
-- The same 400 rows in R and NumPy, i = 1 … 400 (integer division and remainder):
--	a = i*7919 % 1009		x = a/100		z = (i*i*31 + i*17) % 97
--	g by k = (i*i + i/7) % 11: a below 5, b below 8, c below 10, else d
--	y = (i*i*13 + i*101) % 997 < 50 + 0.4*a + 2*z + (0, 150, -50, 300 for a, b, c, d)
--	w = 1 + i%4		v = 0.5 + (i%5)/4		o = (i*37%11 - 5)/10		xn = x, NULL where i%9 = 0
-- R 4.2.2, treatment contrasts, control = glm.control(epsilon = 1e-15), standard errors at
-- the converged estimate (Newton by hand, checked against glm to 1e-10), by name of the fit:
--	ml				glm(y ~ x + z + g)
--	weight, fraction	the same with weights = w and weights = v
--	offset			the same with offset = o
--	class 1:3		weights 3 where y, else 1; intercept - log(3)
--	balanced		weights n/(2 n1) where y, else n/(2 n0); intercept - log(n0/n1)
--	robust			ml with sandwich::sandwich(fit), which is HC0
--	imputed			y ~ xn with mean for NA + is.na(xn) + z + g
--	log1p			y ~ log1p(z) + g
--	bins			y ~ cut of x at sort(x)[400*k/4 + 1], k = 1, 2, 3
--	firth			Fisher scoring of the score X'(y - p + h (1/2 - p)), h the leverages, to 1e-15;
--					standard errors from X'WX there
--	firth separated	the same with y = 1 wherever g is d
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(96);

CREATE TEMP TABLE s AS
SELECT i, a / 100.0::float8 AS x, z, g, (i*i*13 + i*101) % 997 < 50 + a*0.4::float8 + z*2 + shift AS y,
	   1 + i % 4 AS w, 0.5 + (i % 5) / 4.0::float8 AS v, (i*37 % 11 - 5) / 10.0::float8 AS o,
	   CASE WHEN i % 9 <> 0 THEN a / 100.0::float8 END AS xn,
	   '2024-01-01 00:00+00'::timestamptz + i * interval '7919 minutes' AS at
FROM (SELECT i, i*7919 % 1009 AS a, (i*i*31 + i*17) % 97 AS z,
			 CASE WHEN (i*i + i/7) % 11 < 5 THEN 'a' WHEN (i*i + i/7) % 11 < 8 THEN 'b' WHEN (i*i + i/7) % 11 < 10 THEN 'c' ELSE 'd' END AS g
	  FROM generate_series(1, 400) i) q
JOIN (VALUES ('a', 0), ('b', 150), ('c', -50), ('d', 300)) v(g, shift) USING (g);
SELECT is((SELECT array_agg(n ORDER BY g) FROM (SELECT g, count(*) AS n FROM s GROUP BY g) q) || (SELECT count(*) FROM s WHERE y),
	ARRAY[183, 115, 56, 46, 156]::bigint[], 'the set is that of R');

CREATE TEMP TABLE r (fit text, term text, estimate float8, std_error float8, z float8, p float8, PRIMARY KEY (fit, term));
INSERT INTO r VALUES
	('ml', '(Intercept)', -2.0033015819626843, 0.32813056640457022, -6.1051964890485193, 1.0267429029768725e-09),
	('ml', 'x', 0.14637038042667563, 0.038171411366107515, 3.8345551078218247, 0.00012579176858892608),
	('ml', 'z', 0.010110166445292671, 0.0041076329861736132, 2.461312020651242, 0.013842991800920532),
	('ml', 'gb', 0.64074750189667307, 0.25355270576744826, 2.5270781471539472, 0.011501590704128484),
	('ml', 'gc', -0.13191220627158165, 0.34426211590166916, -0.38317375098356582, 0.70159093919043425),
	('ml', 'gd', 1.3555729582143543, 0.35544467810014468, 3.8137382319518895, 0.00013688045144520203),
	('weight', '(Intercept)', -2.1649463480913025, 0.21561249924686787, -10.040913006682992, 1.0073738143993194e-23),
	('weight', 'x', 0.15740475997525824, 0.024532517251974355, 6.4161683189111161, 1.3974693465312249e-10),
	('weight', 'z', 0.010625572683128873, 0.002641239287253769, 4.0229496564004323, 5.7473785051885712e-05),
	('weight', 'gb', 0.69980226492353537, 0.16260045954493535, 4.303814803980563, 1.678820147797238e-05),
	('weight', 'gc', -0.03325219255017417, 0.21617308686910805, -0.15382207393054548, 0.8777500284971852),
	('weight', 'gd', 1.5968841359992374, 0.23216447332943801, 6.8782450350759827, 6.059438045937972e-12),
	('fraction', '(Intercept)', -2.1037893483196615, 0.33395455326424645, -6.2996276821385555, 2.9836144052225061e-10),
	('fraction', 'x', 0.14500633297937723, 0.038535928197662377, 3.7628867335333434, 0.0001679632855933858),
	('fraction', 'z', 0.012564796573450748, 0.0041772024191533003, 3.0079453453916112, 0.0026302043571975187),
	('fraction', 'gb', 0.58295377963625938, 0.25555766337394814, 2.2811046710160459, 0.022542253807777957),
	('fraction', 'gc', -0.19632061527421124, 0.34926368268525432, -0.56209856623177545, 0.57404886516436515),
	('fraction', 'gd', 1.5318050261912011, 0.36242191969525761, 4.2265794173796634, 2.3727055448383828e-05),
	('offset', '(Intercept)', -2.0855630251363162, 0.33135716629118966, -6.2940030797570481, 3.0938168201937107e-10),
	('offset', 'x', 0.16004686262737527, 0.038446847265691177, 4.1628085008207245, 3.1435699768000564e-05),
	('offset', 'z', 0.01060068677010125, 0.0041574174283716975, 2.5498249701264988, 0.010777701309743952),
	('offset', 'gb', 0.62569794200238837, 0.25621946493434294, 2.4420390627336821, 0.014604566271759319),
	('offset', 'gc', -0.157433737765414, 0.34766014296213643, -0.45283804011597634, 0.65066536953386733),
	('offset', 'gd', 1.2518425831182693, 0.35923299591939756, 3.4847650336639733, 0.00049256937753808141),
	('class 1:3', '(Intercept)', -1.9136243267161517, 0.2322083422598554, -8.2409800961185464, 1.7080564484786904e-16),
	('class 1:3', 'x', 0.1401451831357875, 0.029049817924576636, 4.8243050438268771, 1.404922601365247e-06),
	('class 1:3', 'z', 0.0094350991994714469, 0.0031635955781840071, 2.9823973912896475, 0.002860005000411212),
	('class 1:3', 'gb', 0.58383803515938504, 0.19611009655629413, 2.9770932012763156, 0.0029099553360158715),
	('class 1:3', 'gc', -0.18508564814684453, 0.25090704085569571, -0.73766621899340379, 0.46071730483353618),
	('class 1:3', 'gd', 1.3417054995587925, 0.29599835819832004, 4.5328139916906043, 5.8203065214845031e-06),
	('balanced', '(Intercept)', -1.9621263593167373, 0.30984055763127699, -6.3326969661981707, 2.4091243966039207e-10),
	('balanced', 'x', 0.1431553013223755, 0.037078848374643557, 3.8608346158957985, 0.00011300037307454063),
	('balanced', 'z', 0.0098260716752719187, 0.0040128455392814148, 2.4486543474163938, 0.014339097932263461),
	('balanced', 'gb', 0.61545310267077313, 0.2480403912478775, 2.4812616186197038, 0.013091824547740109),
	('balanced', 'gc', -0.15338296456580236, 0.32902234601632852, -0.46617795545774376, 0.64108812721388997),
	('balanced', 'gd', 1.3495778487189414, 0.35903247386264164, 3.7589297541794555, 0.00017064173497254213),
	('robust', '(Intercept)', -2.0033015819626843, 0.33665062707902155, -5.9506842430222235, 2.6702379446185865e-09),
	('robust', 'x', 0.14637038042667563, 0.037287509375139027, 3.9254533992626017, 8.6566528430360461e-05),
	('robust', 'z', 0.010110166445292671, 0.0040474678679852842, 2.4978991248484519, 0.012493173888742883),
	('robust', 'gb', 0.64074750189667307, 0.25088101862637918, 2.5539895580976446, 0.010649645022455169),
	('robust', 'gc', -0.13191220627158165, 0.34004011316051147, -0.38793130917855634, 0.69806686761012848),
	('robust', 'gd', 1.3555729582143543, 0.36108407958685423, 3.7541753703607648, 0.00017391307534410421),
	('imputed', '(Intercept)', -2.0207786463738806, 0.34248569084801966, -5.9003301462618323, 3.6277491793832823e-09),
	('imputed', 'xn', 0.15029977381689358, 0.040360459502079907, 3.7239361412411109, 0.00019614055853544882),
	('imputed', 'xn is null', -0.17423913312199091, 0.34979718017800837, -0.49811474475958417, 0.61840316851926924),
	('imputed', 'z', 0.010587387238604107, 0.0041130568835486972, 2.5740921018990219, 0.010050351524434474),
	('imputed', 'gb', 0.64070677893888284, 0.25357388965190913, 2.5267064358180025, 0.011513769957080047),
	('imputed', 'gc', -0.11557670733809826, 0.34437850983281354, -0.33560952277250872, 0.73716534199224371),
	('imputed', 'gd', 1.3357383093159145, 0.3546018336446593, 3.7668680265608443, 0.00016530832866523147),
	('log1p', '(Intercept)', -1.6092596280834892, 0.43440380767886028, -3.7045246833406194, 0.0002117874854382749),
	('log1p', 'z', 0.23809408869079957, 0.11285420846929144, 2.1097493121453859, 0.034879954544096016),
	('log1p', 'gb', 0.60936328355896519, 0.24694475090737414, 2.4676097844555103, 0.013601850479071928),
	('log1p', 'gc', -0.15363928327601889, 0.33719822784331904, -0.45563490727302458, 0.64865253706226655),
	('log1p', 'gd', 1.3115743898964332, 0.34704509101374154, 3.7792621877037305, 0.0001572937358817618),
	('bins', '(Intercept)', -0.94446160884085206, 0.22271770159368534, -4.2406221062925615, 2.2290113561466324e-05),
	('bins', 'xbin2', 0.23627655091636612, 0.30794736245100807, 0.76726278489868804, 0.4429252902288166),
	('bins', 'xbin3', 0.74379091337870118, 0.30001202477103206, 2.4792036717406889, 0.013167609266543657),
	('bins', 'xbin4', 0.94446160884085206, 0.29933789369736313, 3.1551688868223362, 0.0016040522347689704),
	('firth', '(Intercept)', -1.9722447852313632, 0.32663341583646238, -6.0380986439514182, 1.5594073160096608e-09),
	('firth', 'x', 0.14372609019111524, 0.038048508387831151, 3.7774434867749607, 0.00015844644294655549),
	('firth', 'z', 0.0099327585922207307, 0.0040976408157532337, 2.4240188534911589, 0.015349808569052957),
	('firth', 'gb', 0.63371985922897434, 0.25312503516704477, 2.503584281225931, 0.01229423949260343),
	('firth', 'gc', -0.11857112092042786, 0.34274682891246244, -0.34594374307314429, 0.72938499369724452),
	('firth', 'gd', 1.3308634603808793, 0.35446464712487169, 3.7545731885415345, 0.00017363710429483707),
	('firth separated', '(Intercept)', -2.0405353764451117, 0.34457116773364033, -5.9219562387253539, 3.1813429122717151e-09),
	('firth separated', 'x', 0.13675471993082064, 0.040456825210323219, 3.3802632613872392, 0.00072416430189558537),
	('firth separated', 'z', 0.012266334708590771, 0.0044011675552213525, 2.7870637858444014, 0.0053188008602401918),
	('firth separated', 'gb', 0.62770695665298493, 0.25373512741242182, 2.4738669929319963, 0.013365944739566715),
	('firth separated', 'gc', -0.11679060632708015, 0.34317496686355253, -0.34032379282931924, 0.73361270128788725),
	('firth separated', 'gd', 5.4295342775481146, 1.4452559673983238, 3.7567976884552055, 0.0001721015180840942);

-- Ours: every term, and how far it may be.
CREATE TEMP TABLE m (fit text PRIMARY KEY, model bytea);
INSERT INTO m SELECT 'ml', lead_train(y, r, '{"reference": "first"}') FROM s, LATERAL (SELECT x, z, g) r;
INSERT INTO m SELECT 'weight', lead_train(y, r, '{"reference": "first", "weight": "w"}') FROM s, LATERAL (SELECT x, z, g, w) r;
INSERT INTO m SELECT 'fraction', lead_train(y, r, '{"reference": "first", "weight": "v"}') FROM s, LATERAL (SELECT x, z, g, v) r;
INSERT INTO m SELECT 'offset', lead_train(y, r, '{"reference": "first", "offset": "o"}') FROM s, LATERAL (SELECT x, z, g, o) r;
INSERT INTO m SELECT 'class 1:3', lead_train(y, r, '{"reference": "first", "class_weight": {"false": 1, "true": 3}}') FROM s, LATERAL (SELECT x, z, g) r;
INSERT INTO m SELECT 'balanced', lead_train(y, r, '{"reference": "first", "class_weight": "balanced"}') FROM s, LATERAL (SELECT x, z, g) r;
INSERT INTO m SELECT 'robust', lead_train(y, r, '{"reference": "first", "robust": true}') FROM s, LATERAL (SELECT x, z, g) r;
INSERT INTO m SELECT 'imputed', lead_train(y, r, '{"reference": "first"}') FROM s, LATERAL (SELECT xn, z, g) r;
INSERT INTO m SELECT 'log1p', lead_train(y, r, '{"reference": "first", "columns": {"z": {"transform": "log1p"}}}') FROM s, LATERAL (SELECT z, g) r;
INSERT INTO m SELECT 'bins', lead_train(y, r, '{"reference": "first", "columns": {"x": {"bins": 4}}}') FROM s, LATERAL (SELECT x) r;
INSERT INTO m SELECT 'firth', lead_train(y, r, '{"reference": "first", "firth": true}') FROM s, LATERAL (SELECT x, z, g) r;
INSERT INTO m SELECT 'firth separated', lead_train(y OR s.g = 'd', r, '{"reference": "first", "separation": "firth"}') FROM s, LATERAL (SELECT x, z, g) r;

CREATE TEMP TABLE c AS
SELECT fit, CASE WHEN fit = 'bins' AND l.level IS NOT NULL THEN 'xbin' || l.n ELSE replace(l.name, '=', '') END AS term, l.*
FROM m, lead_coefficients(model) WITH ORDINALITY l("column", level, name, estimate, std_error, z, p, ci_low, ci_high, odds_ratio, odds_low, odds_high, std_estimate, n);
CREATE TEMP TABLE far AS
SELECT fit, count(*) AS terms, count(*) FILTER (WHERE c.estimate IS NULL OR r.estimate IS NULL OR c.std_error IS NULL OR c.p IS NULL) AS lonely,
	   max(abs(c.estimate / r.estimate - 1)) AS estimate, max(abs(c.std_error / r.std_error - 1)) AS std_error,
	   max(abs(c.z / r.z - 1)) AS z, max(abs(c.p / r.p - 1)) AS p
FROM c FULL JOIN r USING (fit, term) GROUP BY fit;
SELECT is(lonely, 0::bigint, fit || ': the same terms, all numbers') FROM far ORDER BY fit;
SELECT cmp_ok(estimate, '<', 1e-10::float8, fit || ': estimates') FROM far ORDER BY fit;
SELECT cmp_ok(greatest(std_error, z), '<', 1e-10::float8, fit || ': standard errors and z') FROM far ORDER BY fit;
SELECT cmp_ok(p, '<', 1e-8::float8, fit || ': p') FROM far ORDER BY fit;

-- Numbers about the whole fit: R's deviance(), AIC(), BIC(), car::vif() (first column), and
-- for the condition number the eigenvalues of D⁻½HD⁻½, H = X'WX, D its diagonal, X with x
-- and z minus their means, as the fit centres numbers that are mostly not zero (42.802 with
-- X as it is).
SELECT cmp_ok(max(abs((lead_info(model)->>k)::float8 / v - 1)), '<', 1e-12::float8, 'deviance, null deviance, AIC, BIC, McFadden')
FROM m, (VALUES ('deviance', 492.79060084397395::float8), ('null_deviance', 534.9984694814475), ('aic', 504.79060084397395),
				('bic', 528.73938812662186), ('mcfadden_r2', 0.078893438103447178), ('log_likelihood', 492.79060084397395 / -2)) t(k, v) WHERE fit = 'ml';
SELECT cmp_ok(max(abs((lead_info(model)->'vif'->>k)::float8 / v - 1)), '<', 1e-10::float8, 'generalised VIF')
FROM m, (VALUES ('x', 1.0107972604418389::float8), ('z', 1.0011062419390906), ('g', 1.0118210403345584)) t(k, v) WHERE fit = 'ml';
SELECT cmp_ok(max(abs((lead_info(model)->'vif'->>k)::float8 / v - 1)), '<', 1e-10::float8, 'generalised VIF of related columns')
FROM (SELECT lead_train(y, r) AS model FROM s, LATERAL (SELECT x, x + i % 3 AS x2, z, g) r) t,
	 (VALUES ('x', 12.869899098298358::float8), ('x2', 12.892830714937318), ('z', 1.0011489418871946), ('g', 1.0144829080942328)) v(k, v);
SELECT cmp_ok(abs((lead_info(model)->>'condition_number')::float8 / 7.0998134033967286 - 1), '<', 1e-8::float8, 'condition number') FROM m WHERE fit = 'ml';
SELECT cmp_ok(greatest(abs((lead_info(model)->>'deviance')::float8 / 500.85878195705362 - 1), abs((lead_info(model)->>'null_deviance')::float8 / 543.65506517656547 - 1)),
	'<', 1e-12::float8, 'offset: deviance and null deviance') FROM m WHERE fit = 'offset';
-- 1.959963984540054 = qnorm(0.975), 1.644853626951473 = qnorm(0.95)
SELECT cmp_ok(max(greatest(abs(ci_low - (estimate - 1.959963984540054 * std_error)), abs(ci_high - (estimate + 1.959963984540054 * std_error)),
		abs(odds_ratio / exp(estimate) - 1), abs(odds_low / exp(ci_low) - 1), abs(odds_high / exp(ci_high) - 1))), '<', 1e-13::float8, 'confidence intervals and odds ratios')
FROM c WHERE fit = 'ml';
SELECT cmp_ok(max(abs(l.ci_high - (c.estimate + 1.644853626951473 * c.std_error))), '<', 1e-13::float8, 'confidence 0.9')
FROM (SELECT lead_train(y, r, '{"reference": "first", "confidence": 0.9}') AS model FROM s, LATERAL (SELECT x, z, g) r) t, lead_coefficients(t.model) l JOIN c ON c.name = l.name AND c.fit = 'ml';
SELECT cmp_ok(max(abs(sqrt((lead_covariance(model))[n][n]) / std_error - 1)), '<', 1e-13::float8, 'the covariance has the squares of the standard errors on its diagonal')
FROM m JOIN c USING (fit) WHERE fit = 'ml';

-- scikit-learn 1.2.1, LogisticRegression(penalty='elasticnet', solver='saga', C=1/λ,
-- l1_ratio=α, tol=1e-14) on x and z divided by their standard deviations and a column for
-- each level of g; intercept, x, z, a, b, c, d, and the objective in our form.
CREATE TEMP TABLE sk (fit text, lambda float8, alpha float8, coef float8[], objective float8);
INSERT INTO sk VALUES
	('ridge', 2, 0, ARRAY[-1.510502434670831, 0.4099531441484121, 0.261040569714088, -0.4299653791432515, 0.17295023091216372, -0.4955919533134435, 0.7526071015439882], 247.83463998355174),
	('lasso', 3, 1, ARRAY[-1.3376252566302294, 0.37658347398063574, 0.23496107947169395, -0.43901291033962375, 0.006412328986202346, -0.3900030445839312, 0.5399901192422817], 253.58824859236748),
	('elastic net', 5, 0.4, ARRAY[-1.4198475580172316, 0.37469638152690143, 0.2377246777427329, -0.35621005081119034, 0.11172709266784608, -0.3137885447939033, 0.5582715029368832], 252.7853769944906);
CREATE TEMP TABLE pen AS
SELECT fit, coef, objective, lead_train(y, r, jsonb_build_object('lambda', lambda, 'alpha', alpha)) AS model FROM sk, s, LATERAL (SELECT x, z, g) r GROUP BY fit, coef, objective;
SELECT is(lead_info(model)->>'fit', fit, fit || ': by name') FROM pen ORDER BY fit;
-- A column for each level and an intercept: the lasso's optimum is a segment (a constant may
-- move from two levels up to two levels down), so levels are compared with the intercept added.
SELECT cmp_ok(max(abs(l.estimate * CASE l.name WHEN 'x' THEN sx WHEN 'z' THEN sz ELSE 1 END - coef[l.n]
					  + CASE WHEN fit = 'lasso' AND l.name LIKE 'g=%' THEN l.intercept - coef[1] ELSE 0 END)), '<', 1e-6::float8, fit || ': coefficients as scikit-learn')
FROM pen, (SELECT stddev_pop(x) AS sx, stddev_pop(z::float8) AS sz FROM s) d,
	 LATERAL (SELECT name, estimate, row_number() OVER () AS n, first_value(estimate) OVER () AS intercept FROM lead_coefficients(model)) l
WHERE fit <> 'lasso' OR l.n > 1 GROUP BY fit ORDER BY fit;
SELECT cmp_ok(abs((lead_info(model)->>'objective')::float8 / objective - 1), '<', 1e-10::float8, fit || ': objective') FROM pen ORDER BY fit;
SELECT is(count(*) FILTER (WHERE estimate = 0), 6::bigint, 'a strong lasso leaves the intercept alone')
FROM (SELECT lead_train(y, r, '{"lambda": 1000, "alpha": 1}') AS model FROM s, LATERAL (SELECT x, z, g) r) t, lead_coefficients(model) WHERE name <> '(Intercept)';

-- Columns that are sums of others: x twice, and the levels of g once more in pairs.  A copy adds
-- nothing; any lasso of them has the objective of the one without, and comes to an end.
SELECT is(concat_ws(' ', lead_info(t.more)->>'stop', round((lead_info(t.more)->>'objective')::numeric, 8)), concat_ws(' ', 'converged', round((lead_info(t.less)->>'objective')::numeric, 8)),
	'lambda ' || lambda || ': copies of columns change nothing')
FROM (SELECT lambda, lead_train(y, r, jsonb_build_object('lambda', lambda, 'alpha', 1, 'min_count', 1)) AS more, lead_train(y, l, jsonb_build_object('lambda', lambda, 'alpha', 1, 'min_count', 1)) AS less
	FROM s, unnest('{0.001,0.1,1,10}'::float8[]) AS lambda, LATERAL (SELECT s.x, s.z, s.g, 'l' || s.z % 7 AS h) l, LATERAL (SELECT l.*, s.x AS again, s.g AS g_again, l.h || '.' AS h_again) r GROUP BY lambda) t;
-- A weight is so many rows.
SELECT cmp_ok(max(greatest(abs(l.estimate / c.estimate - 1), abs(l.std_error / c.std_error - 1))), '<', 1e-11::float8, 'weights as replicated rows')
FROM (SELECT lead_train(y, r, '{"reference": "first", "allow": ["x"]}') AS model FROM s, generate_series(1, w), LATERAL (SELECT x, z, s.g) r) t, lead_coefficients(t.model) l JOIN c ON c.name = l.name AND c.fit = 'weight';

-- HC0 where 400 rows are 16 patterns: sqrt(diag(sandwich(glm(y ~ w + g)))), plain and with weights = v.
SELECT is((lead_info(model)->>'patterns')::int, 16, 'equal rows are counted once')
FROM (SELECT lead_train(y, r, '{"robust": true}') AS model FROM s, LATERAL (SELECT w, g) r) t;
SELECT cmp_ok(max(abs(l.std_error / v[l.n] - 1)), '<', 1e-10::float8, 'robust errors of rows counted once')
FROM (SELECT lead_train(y, r, '{"reference": "first", "robust": true}') AS model FROM s, LATERAL (SELECT w, g) r) t,
	 LATERAL (SELECT std_error, row_number() OVER () AS n FROM lead_coefficients(model)) l,
	 (VALUES (ARRAY[0.29211425811724312, 0.096441021440368729, 0.24554008114465314, 0.33573944196327399, 0.34540468510960692]::float8[])) x(v);
SELECT cmp_ok(max(abs(l.std_error / v[l.n] - 1)), '<', 1e-10::float8, 'robust errors of rows with weights')
FROM (SELECT lead_train(y, r, '{"reference": "first", "robust": true, "weight": "v"}') AS model FROM s, LATERAL (SELECT w, g, v) r) t,
	 LATERAL (SELECT std_error, row_number() OVER () AS n FROM lead_coefficients(model)) l,
	 (VALUES (ARRAY[0.30945167398685058, 0.10324588552771256, 0.26004296902516849, 0.35192154041347101, 0.36857491570871537]::float8[])) x(v);

-- Class weights change the intercept only by what is taken back: with one column of levels
-- the fit is saturated and the scores are the shares.
SELECT cmp_ok(max(abs(lead_score(model, s) - rate)), '<', 1e-12::float8, way || ': corrected scores are the shares')
FROM (SELECT way, lead_train(y, r, ('{"class_weight": ' || way || '}')::jsonb) AS model FROM s, (VALUES ('"balanced"'), ('{"false": 2, "true": 7}')) o(way), LATERAL (SELECT g) r GROUP BY way) t,
	 s JOIN (SELECT g, avg(y::int)::float8 AS rate FROM s GROUP BY g) q USING (g) GROUP BY way ORDER BY way;
SELECT cmp_ok(abs(avg(lead_score(model, s)) - 0.5), '<', 1e-10::float8, 'balanced, not corrected: the mean score of the weighted rows is a half')
FROM (SELECT lead_train(y, r, '{"class_weight": "balanced", "correct": false}') AS model FROM s, LATERAL (SELECT x, z, g) r) t, s,
	 LATERAL generate_series(1, CASE WHEN y THEN 244 ELSE 156 END);
SELECT cmp_ok(abs(avg(lead_score(model, s)) - 156 / 400.0::float8), '<', 1e-12::float8, fit || ': the mean score is the base rate') FROM m, s WHERE fit IN ('ml', 'imputed', 'bins') GROUP BY fit ORDER BY fit;

-- Encodings are the same as columns made by hand.
CREATE FUNCTION pg_temp.far(a bytea, b bytea) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(abs(x.estimate - y.estimate)) + 1e9 * count(*) FILTER (WHERE x.n IS NULL OR y.n IS NULL)
	FROM (SELECT estimate, row_number() OVER () AS n FROM lead_coefficients(a)) x
	FULL JOIN (SELECT estimate, row_number() OVER () AS n FROM lead_coefficients(b)) y USING (n)
$$;
SELECT cmp_ok(pg_temp.far(lead_train(y, a, '{"columns": {"k": {"as": "categorical"}}}'), lead_train(y, b)), '<', 1e-12::float8, 'a number as levels')
FROM s, LATERAL (SELECT i % 5 AS k, s.x) a, LATERAL (SELECT (i % 5)::text AS k, s.x) b;
CREATE TEMP TABLE zoned AS SELECT lead_train(y, r, '{"timezone": "Asia/Kolkata", "min_count": 5, "columns": {"at": {"parts": ["hour", "dow"]}}}') AS model FROM s, LATERAL (SELECT at) r;
CREATE TEMP TABLE parts AS SELECT i, y, extract(hour FROM at AT TIME ZONE 'Asia/Kolkata')::int::text AS hour, extract(dow FROM at AT TIME ZONE 'Asia/Kolkata')::int::text AS dow FROM s;
SELECT cmp_ok(max(abs(lead_log_odds(z.model, s) - lead_log_odds(h.model, p))), '<', 1e-12::float8, 'hour and day of week in a time zone')
FROM zoned z, (SELECT lead_train(y, r, '{"min_count": 5}') AS model FROM parts, LATERAL (SELECT hour, dow) r) h, s JOIN parts p USING (i);
CREATE TEMP TABLE scored AS SELECT i, lead_score(model, s) AS score FROM zoned, s;
SET LOCAL TimeZone = 'America/New_York';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT is(count(*), 400::bigint, 'the session''s time zone changes no score') FROM zoned, s JOIN scored USING (i) WHERE lead_score(model, s) = score;
RESET TimeZone;
RESET DateStyle;
-- levels: a 183, b 115, c 56, d 46
SELECT cmp_ok(pg_temp.far(lead_train(y, a, '{"min_count": 60}'), lead_train(y, b)), '<', 1e-12::float8, 'min_count pools what is rare')
FROM s, LATERAL (SELECT s.g) a, LATERAL (SELECT CASE WHEN s.g IN ('a', 'b') THEN s.g ELSE 'other' END AS g) b;
SELECT cmp_ok(pg_temp.far(lead_train(y, a, '{"max_levels": 1}'), lead_train(y, b)), '<', 1e-12::float8, 'max_levels keeps the most frequent')
FROM s, LATERAL (SELECT s.g) a, LATERAL (SELECT CASE WHEN s.g = 'a' THEN s.g ELSE 'other' END AS g) b;
SELECT results_eq($$ SELECT (p->>'levels')::int, (p->>'rows')::int FROM (SELECT lead_train(y, r, '{"columns": {"g": {"min_count": 50}}}') AS model FROM s, LATERAL (SELECT x, g) r) t, jsonb_array_elements(lead_info(model)->'pooled') p $$,
	$$ VALUES (1, 46) $$, 'what was pooled is told');
SELECT cmp_ok(abs((p->>'value')::float8 - 5.0427528089887641), '<', 1e-14::float8, 'what was imputed is told') FROM m, jsonb_array_elements(lead_info(model)->'imputed') p WHERE fit = 'imputed';

-- Levels that training never saw.
CREATE TEMP TABLE u AS SELECT lead_train(y, r) AS average, lead_train(y, r, '{"min_count": 50}') AS other, lead_train(y, r, '{"unseen": "error"}') AS error FROM s, LATERAL (SELECT x, g) r;
SELECT is(lead_score(other, '{"x": 4, "g": "new"}'::jsonb), lead_score(other, '{"x": 4, "g": "d"}'::jsonb), 'unseen: other, where training pooled') FROM u;
SELECT cmp_ok(abs(lead_log_odds(average, '{"x": 4, "g": "new"}'::jsonb) - avg(lead_log_odds(average, jsonb_build_object('x', 4, 'g', s.g)))), '<', 1e-12::float8, 'unseen: the average lead, where nothing was pooled') FROM u, s GROUP BY average;
SELECT cmp_ok(abs(lead_log_odds(average, '{"x": null, "g": "a"}'::jsonb) - avg(lead_log_odds(average, jsonb_build_object('x', s.x, 'g', 'a')))), '<', 1e-12::float8, 'a NULL unknown to training: the average lead') FROM u, s GROUP BY average;
SELECT throws_ok($$ SELECT lead_score(error, '{"x": 4, "g": "new"}'::jsonb) FROM u $$, NULL, 'column "g" has a value that the model was not trained on', 'unseen: an error on request');
SELECT is(lead_score(error, '{"x": 4, "g": "b"}'::jsonb), lead_score(average, '{"x": 4, "g": "b"}'::jsonb), 'unseen: the option changes no known level') FROM u;
SELECT throws_ok($$ SELECT lead_train(y, r, '{"weight": "w"}') FROM s, LATERAL (SELECT x, -1.0 AS w) r $$, '22023', 'the weight column "w" contains a negative number', 'a negative weight is an error');

-- Many rows, for which the fit starts from parts of them, and a column that is
-- another one but for rounding: it is dropped, and the rest is as without it.
CREATE TEMP TABLE many AS
SELECT k, ((hashint8extended(i, k) & 4503599627370495) + 0.5) / 4503599627370496 < 1 / (1 + exp(-3 * sin(i) - 0.001 * exp(3 * cos(i)))) AS y,
	'l' || i * 104729 % 1000 AS a, 1e9 + i * 1299709 % 97 AS b, sin(i) AS c, exp(3 * cos(i)) AS d, 2 * sin(i) + 1e9 AS e
FROM generate_series(2, 3) k, generate_series(1, 200000::bigint) i;
SELECT ok(lead_info(copy)->>'stop' = 'converged' AND lead_info(copy)->'aliased' = '["e"]'
		AND abs((lead_info(copy)->>'log_likelihood')::float8 - (lead_info(plain)->>'log_likelihood')::float8) < 1e-6, 'a copied column of many rows, ' || k)
FROM (SELECT k, lead_train(y, r) AS copy, lead_train(y, t) AS plain
	FROM many m, LATERAL (SELECT m.a, m.b, m.c, m.d, m.e) r, LATERAL (SELECT m.a, m.b, m.c, m.d) t GROUP BY k ORDER BY k) f;

SELECT * FROM finish();
ROLLBACK;

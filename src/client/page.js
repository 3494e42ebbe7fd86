// A lead is typed, its score moves.  Whatever comes from the service is text,
// never markup.
'use strict';

const $ = id => document.getElementById(id);
const numbers = ['smallint', 'integer', 'bigint', 'real', 'double precision', 'numeric', 'interval'];
let token = sessionStorage.getItem('leadscore token');
let columns = [];
let asking = null;		// the request under way
let timer = 0;

function element(tag, properties, ...children) {
	const e = Object.assign(document.createElement(tag), properties);
	e.append(...children);
	return e;
}

// The answer as an object; an Error with what the service said.
async function ask(path, lead, signal) {
	const headers = {};
	if (token)
		headers.Authorization = 'Bearer ' + token;
	if (lead)
		headers['Content-Type'] = 'application/json';
	const response = await fetch(path, {method: lead ? 'POST' : 'GET', headers, signal,
		body: lead ? JSON.stringify(lead) : undefined});
	const answer = await response.json();
	if (response.status === 401) {
		$('login').hidden = false;
		$('token').focus();
	}
	if (!response.ok)
		throw Object.assign(new Error(answer.message), answer);
	return answer;
}

function path() {
	return 'v1/models/' + encodeURIComponent($('model').value);
}

function complain(error) {
	$('problem').textContent = error ? error.message : '';
	document.body.classList.toggle('stale', Boolean(error));
	for (const column of columns)
		column.input.setAttribute('aria-invalid', String(Boolean(error) && error.column === column.column));
}

function makeField(column, i) {
	const id = 'field-' + i;
	let input;
	if (column.type === 'boolean') {
		input = element('select', {id},
			...[['', 'not known'], ['true', 'yes'], ['false', 'no']].map(([value, text]) => element('option', {value}, text)));
	} else if (numbers.includes(column.type)) {
		input = element('input', {id, type: 'number', step: 'any', inputMode: 'decimal'});
		if (typeof column.typical === 'number')
			input.value = column.type.endsWith('int') || column.type === 'integer' ?
				Math.round(column.typical) : Number(column.typical.toPrecision(3));
	} else {
		input = element('input', {id, type: 'text'});
		if (column.type === 'date' || column.type.startsWith('timestamp'))
			input.placeholder = column.type === 'date' ? '2024-05-31' : '2024-05-31T14:30:00' + (column.type === 'timestamptz' ? 'Z' : '');
	}
	column.input = input;
	const field = element('div', {}, element('label', {htmlFor: id}, column.column), input);
	const levels = (column.levels || []).filter(level => typeof level === 'string');
	if (levels.length > 0 && input.type === 'text') {
		field.append(element('datalist', {id: id + '-levels'}, ...levels.map(value => element('option', {value}))));
		input.setAttribute('list', id + '-levels');
	}
	return field;
}

function valueOf(column) {
	const text = column.input.value;
	if (text === '')
		return null;
	if (column.type === 'boolean')
		return text === 'true';
	return numbers.includes(column.type) ? Number(text) : text;
}

function lead() {
	return Object.fromEntries(columns.map(column => [column.column, valueOf(column)]));
}

function bar(reason, most) {
	const up = reason.contribution >= 0;
	const fill = element('span', {className: up ? 'up' : 'down'});
	fill.style.width = (most > 0 ? 50 * Math.abs(reason.contribution) / most : 0) + '%';
	return element('li', {},
		element('span', {}, reason.column + ' is ' + reason.value),
		element('div', {className: 'bar'}, fill,
			element('span', {className: 'number ' + (up ? 'left' : 'right')},
				(up ? '+' : '−') + Math.abs(reason.contribution).toFixed(2))));
}

function show(answer) {
	$('percent').textContent = (100 * answer.score).toFixed(1) + ' %';
	$('grade').textContent = answer.grade ? 'Grade ' + answer.grade : '';
	$('meter').value = answer.score;
	$('about').textContent = 'by version ' + answer.version + ' of ' + answer.model;
	$('unit').textContent = 'What each value adds to the ' + answer.unit + ' of the average lead, ' + answer.average.toFixed(2) + '.';
	const most = Math.max(...answer.contributions.map(c => Math.abs(c.contribution)), 0);
	$('reasons').replaceChildren(...answer.contributions.filter(c => c.contribution !== 0).map(c => bar(c, most)));
}

async function score() {
	if (asking)
		asking.abort();
	asking = new AbortController();
	try {
		show(await ask(path() + '/explain', lead(), asking.signal));
		complain(null);
	} catch (error) {
		if (error.name !== 'AbortError')
			complain(error);
	}
}

function soon() {
	clearTimeout(timer);
	timer = setTimeout(score, 150);
}

async function choose() {
	try {
		columns = (await ask(path())).columns;
		$('fields').replaceChildren(...columns.map(makeField));
		await score();
	} catch (error) {
		columns = [];
		$('fields').replaceChildren();
		complain(error);
	}
}

async function start() {
	try {
		const models = (await ask('v1/models')).models.filter(m => m.champion !== null);
		$('model').replaceChildren(...models.map(m => element('option', {value: m.model}, m.model)));
		if (models.length === 0)
			throw new Error('There is no model that is live yet.');
		await choose();
	} catch (error) {
		complain(error);
	}
}

$('model').addEventListener('change', choose);
$('lead').addEventListener('input', soon);
$('lead').addEventListener('submit', event => event.preventDefault());
$('login').addEventListener('submit', event => {
	event.preventDefault();
	token = $('token').value;
	sessionStorage.setItem('leadscore token', token);
	$('token').value = '';
	$('login').hidden = true;
	complain(null);
	start();
});
start();

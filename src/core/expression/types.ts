import { counted } from '../format.ts';
import { nearest } from '../nearest.ts';
import { type Expression, fail, numeric, type ValueType, type Vocabulary } from './expression.ts';

/** What it comes to; fails where it cannot come to anything. */
export function typeOf(expression: Expression, vocabulary: Vocabulary): ValueType {
  const needs = (one: Expression, type: ValueType) => {
    const has = typeOf(one, vocabulary);
    if (has !== type) fail('wrong-type', one.at, `A ${type} is expected here, and this is a ${has}.`);
  };
  switch (expression.kind) {
    case 'number':
      return 'number';
    case 'text':
      return 'text';
    case 'name':
      return typeOfName(expression, vocabulary);
    case 'call':
      return typeOfCall(expression, vocabulary, needs);
    case 'negative':
      needs(expression.of, 'number');
      return 'number';
    case 'arithmetic':
      needs(expression.left, 'number');
      needs(expression.right, 'number');
      return 'number';
    case 'comparison': {
      const left = typeOf(expression.left, vocabulary);
      if (left === 'truth')
        fail('wrong-type', expression.left.at, 'What is true or false is not compared: join it with `and`.');
      needs(expression.right, left);
      if (left === 'text' && expression.sign !== '==' && expression.sign !== '!=')
        fail('wrong-type', expression.at, 'Texts are only compared with == and !=.');
      return 'truth';
    }
    case 'nan':
      needs(expression.of, 'number');
      return 'truth';
    case 'not':
      needs(expression.of, 'truth');
      return 'truth';
    case 'all':
    case 'any':
      for (const one of expression.of) needs(one, 'truth');
      return 'truth';
  }
}

function typeOfName({ path, at }: Extract<Expression, { kind: 'name' }>, vocabulary: Vocabulary): ValueType {
  const type = vocabulary.typeOf(path);
  if (type) return type;
  const name = path.join('.');
  fail('unknown-name', at, `Nothing is named ${name}.`, nearest(name, vocabulary.names));
}

const takenBy = { name: 'the name of a metric', text: 'a text in quotes' };

function typeOfCall(
  { name, of, at }: Extract<Expression, { kind: 'call' }>,
  vocabulary: Vocabulary,
  needs: (one: Expression, type: ValueType) => void,
): ValueType {
  const calculates = Object.hasOwn(numeric, name) ? numeric[name] : undefined;
  const known = Object.hasOwn(vocabulary.functions, name) ? vocabulary.functions[name] : undefined;
  const takes = calculates?.takes ?? 1;
  if (!calculates && !known) {
    const names = [...Object.keys(numeric), ...Object.keys(vocabulary.functions)];
    fail('unknown-function', at, `There is no function ${name}.`, nearest(name, names));
  }
  if (of.length !== takes)
    fail('wrong-count', at, `${name} takes ${counted(takes, 'value')}, and here it gets ${of.length}.`);
  for (const one of of) {
    if (!known) needs(one, 'number');
    else if (one.kind !== known.takes) fail('wrong-type', one.at, `${name} takes ${takenBy[known.takes]}.`);
    else if (one.kind === 'name') typeOfName(one, vocabulary);
  }
  return known?.gives ?? 'number';
}

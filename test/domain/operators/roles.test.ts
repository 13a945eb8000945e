import { expect, test } from '@jest/globals';
import { systemActor } from '../../../src/core/actor.ts';
import { shellOperator } from '../../../src/domain/operators/operator.ts';
import { errorOf, openDomain } from '../harness.ts';

const domain = openDomain();

test.each(['user', 'admin'])('the role %s stays, even if nobody has it', async (name) => {
  const { roles } = await domain;
  const operator = shellOperator(systemActor);
  expect(await errorOf(roles.remove(operator, name))).toMatchObject({ code: 'in_use' });
  expect(await roles.find(operator, name)).toMatchObject({ name });
});

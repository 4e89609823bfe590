/** Words with which Redis refuses a command for the state it is in, and not for what the command is: they pass. */
export const PASSING_STATES = 'LOADING|MASTERDOWN|READONLY|OOM|MISCONF|NOREPLICAS'

// A monthly budget of the resource group: everything that is deployed here, the phone network's charges included.
// It only notifies. Costs reach it hours later, and nothing is stopped: MAX_CONCURRENT_CALLS, MAX_CALLS_PER_DAY
// and MAX_CALL_MINUTES limit what can be spent meanwhile.

@description('Amount per month, in the billing currency.')
param amount int

@description('First day of the month in which the budget is first deployed, such as 2026-12-01. It cannot be changed later.')
param startDate string

@description('Email address that is notified. Empty: the owners of the resource group only.')
param email string

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: 'calls'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: toObject(
      [
        {
          type: 'Actual'
          percent: 50
        }
        {
          type: 'Actual'
          percent: 100
        }
        {
          type: 'Forecasted'
          percent: 100
        }
      ],
      notification => '${notification.type}${notification.percent}',
      notification => {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: notification.percent
        thresholdType: notification.type
        contactRoles: ['Owner']
        contactEmails: empty(email) ? [] : [email]
      }
    )
  }
}

using 'subscriptions.bicep'

// Who read, wrote or deleted which blob, and what ACS was asked to do: in the Log Analytics workspace.
// No blob's name holds a phone number (contract/names.py).

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the storage account.')
param storageName string

@description('Name of the ACS resource.')
param communicationName string

@description('The storage account\'s log categories: every request for a blob.')
var blobCategories = ['StorageRead', 'StorageWrite', 'StorageDelete']

@description('ACS\'s log categories: sign-ins, requests, and the streaming of a call. Its call summaries and diagnostics are left out: they list each participant.')
var communicationCategories = [
  'AuthOperational'
  'CallAutomationOperational'
  'CallAutomationMediaSummary'
  'CallAutomationStreamingUsage'
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName

  resource blobs 'blobServices' existing = { name: 'default' }
}

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: communicationName
}

// Every version after 2016 is a preview; this one is in common use.
#disable-next-line use-recent-api-versions
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::blobs
  properties: {
    workspaceId: workspace.id
    logs: map(blobCategories, category => {
      category: category
      enabled: true
    })
  }
}

// As above: every version after 2016 is a preview.
#disable-next-line use-recent-api-versions
resource communicationLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: communication
  properties: {
    workspaceId: workspace.id
    logs: map(communicationCategories, category => {
      category: category
      enabled: true
    })
  }
}

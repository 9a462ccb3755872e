// How every resource is named: one place, from which all three templates take the names, so that none
// has to be handed from one to the next.

@export()
@description('The names of all resources.')
type Names = {
  functionApp: string
  plan: string
  functionIdentity: string
  streamer: string
  streamerIdentity: string
  environment: string
  registry: string
  storage: string
  communication: string
  speech: string
  systemTopic: string
  workspace: string
  insights: string
  actionGroup: string
}

@export()
@description('The names in a resource group, by its token: uniqueString(resourceGroup().id).')
func namesOf(token string) Names => {
  functionApp: 'func-calls-${token}'
  plan: 'plan-calls-${token}'
  functionIdentity: 'id-function-${token}'
  streamer: 'ca-streamer'
  streamerIdentity: 'id-streamer-${token}'
  environment: 'cae-calls-${token}'
  registry: 'crcalls${token}'
  storage: 'stcalls${token}'
  speech: 'spch-calls-${token}'
  communication: 'acs-calls-${token}'
  systemTopic: 'evgt-calls-${token}'
  workspace: 'log-calls-${token}'
  insights: 'appi-calls-${token}'
  actionGroup: 'ag-calls-${token}'
}
